import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

const FOLDER = fileURLToPath(new URL('../../../proto/', import.meta.url));
const FILES = ['coupon.proto', 'user_coupon.proto'];

/** The services that are offered, by their full names. */
export const SERVICES = ['coupon.CouponService', 'user_coupon.UserCouponService'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What the `.proto` files say, for reflection, and by service. */
export type Contract = Readonly<{ all: PackageDefinition; services: Readonly<Record<ServiceName, ServiceDefinition>> }>;

/** Reads the `.proto` files: they are the contract, and nothing here repeats them. */
export const loadContract = (): Contract => {
  const all = loadSync(FILES, { includeDirs: [FOLDER], keepCase: true });
  const services = Object.fromEntries(SERVICES.map((name) => [name, all[name]])) as unknown as Contract['services'];
  return { all, services };
};

/** A field of a message that holds nothing but whole numbers and texts, as all requests do. */
export type Field = Readonly<{ name: string; number: number; kind: 'int32' | 'string'; optional: boolean }>;

type Described = Readonly<{ field: readonly Readonly<{ name: string; number: number; type: string; label: string }>[] }>;
type Declared = Described & Readonly<{ oneofDecl: readonly Readonly<{ name: string }>[] }>;
const KINDS: Readonly<Record<string, Field['kind']>> = { TYPE_INT32: 'int32', TYPE_STRING: 'string' };

/** @throws Error for a message with other fields than these. */
export const fieldsOf = ({ type }: MessageTypeDefinition): readonly Field[] => {
  const { field, oneofDecl } = type as Declared;
  return field.map(({ name, number, type: declared, label }) => {
    const kind = KINDS[declared];
    if (kind === undefined || label === 'LABEL_REPEATED') throw new Error(`${name} is a ${declared}, which requests do not have`);
    return { name, number, kind, optional: oneofDecl.some((oneof) => oneof.name === `_${name}`) };
  });
};
