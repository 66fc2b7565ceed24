import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { fromJSON, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { expect } from '@jest/globals';

/** The messages as the published field tables list them, by hand: number, name and type. Nothing here comes from the server's files. */
const i = 'int32';
const s = 'string';
const COUPON = [
  [1, 'id', i],
  [2, 'name', s],
  [3, 'type', i],
  [4, 'count', i],
  [5, 'startDate', s],
  [6, 'endDate', s],
  [7, 'expireMinute', i],
  [8, 'discountType', i],
  [9, 'discountAmount', i],
  [10, 'createdAt', s],
  [11, 'updatedAt', s],
  [12, 'deletedAt', s],
] as const;
const CREATION = [
  [1, 'name', s],
  [2, 'type', i],
  [3, 'count', i],
  [4, 'startDate', s],
  [5, 'endDate', s],
  [6, 'expireMinute', i],
  [7, 'discountType', i],
  [8, 'discountAmount', i],
] as const;
const OWN = [
  [1, 'id', i],
  [2, 'userId', s],
  [3, 'couponId', i],
] as const;

type Row = readonly [number: number, name: string, type: string, kind?: 'repeated' | 'optional'];
const TABLES: Readonly<Record<string, Readonly<Record<string, readonly Row[]>>>> = {
  coupon: {
    FindAllQuery: [],
    Coupons: [[1, 'coupons', 'Coupon', 'repeated']],
    Coupon: [...COUPON, [13, 'couponsStock', i, 'optional']],
    CreateCoupon: CREATION,
    UpdateCoupon: [[1, 'couponId', i], ...CREATION.map(([number, name, type]): Row => [number + 1, name, type])],
    DeleteById: [[1, 'couponId', i]],
  },
  user_coupon: {
    GiveCoupon: [
      [1, 'userId', s],
      [2, 'couponId', i],
    ],
    GiveCouponRes: [[1, 'isReceived', 'bool']],
    FindAllQuery: [
      [1, 'userId', s],
      [2, 'take', i],
      [3, 'couponIdCursor', i, 'optional'],
    ],
    UseUserCoupon: [...OWN, [4, 'productId', s]],
    UseCancelUserCoupon: OWN,
    DeleteUserCoupon: OWN,
    userCouponStorages: [[1, 'userCouponStorages', 'UserCouponStorage', 'repeated']],
    UserCouponStorage: [
      [1, 'id', i],
      [2, 'userId', s],
      [3, 'couponId', i],
      [4, 'couponNumber', i],
      [5, 'productId', s],
      [6, 'giveDate', s],
      [7, 'usedDate', s],
      [8, 'expireDate', s],
      [9, 'createdAt', s],
      [10, 'updatedAt', s],
      [11, 'deletedAt', s],
      [12, 'Coupons', 'Coupon', 'optional'],
    ],
    Coupon: COUPON,
  },
};

/** Service, method, request, answer, and those that answer a stream. */
const METHODS = {
  findCoupons: ['coupon', 'CouponService', 'FindAll', 'FindAllQuery', 'Coupons', true],
  create: ['coupon', 'CouponService', 'Create', 'CreateCoupon', 'Coupon', false],
  update: ['coupon', 'CouponService', 'Update', 'UpdateCoupon', 'Coupon', false],
  deleteCoupon: ['coupon', 'CouponService', 'Delete', 'DeleteById', 'Coupon', false],
  give: ['user_coupon', 'UserCouponService', 'Give', 'GiveCoupon', 'GiveCouponRes', false],
  findOwn: ['user_coupon', 'UserCouponService', 'FindAll', 'FindAllQuery', 'userCouponStorages', true],
  use: ['user_coupon', 'UserCouponService', 'Use', 'UseUserCoupon', 'UserCouponStorage', false],
  cancelUse: ['user_coupon', 'UserCouponService', 'UseCancel', 'UseCancelUserCoupon', 'UserCouponStorage', false],
  deleteOwn: ['user_coupon', 'UserCouponService', 'Delete', 'DeleteUserCoupon', 'UserCouponStorage', false],
} as const;
export type Method = keyof typeof METHODS;
export const METHOD_NAMES = Object.keys(METHODS) as readonly Method[];
export const pathOf = (method: Method): string => {
  const [scope, service, name] = METHODS[method];
  return `/${scope}.${service}/${name}`;
};

const serviceOf = (scope: string, service: string) => ({
  methods: Object.fromEntries(
    Object.values(METHODS)
      .filter(([ofPackage, ofService]) => ofPackage === scope && ofService === service)
      .map(([, , name, requestType, responseType, responseStream]) => [name, { requestType, responseType, responseStream, comment: '' }]),
  ),
});

const jsonOf = (rows: readonly Row[]) => ({
  fields: Object.fromEntries(
    rows.map(([id, name, type, kind]) => [
      name,
      { id, type, ...(kind === 'repeated' ? { rule: kind } : {}), ...(kind === 'optional' ? { options: { proto3_optional: true } } : {}) },
    ]),
  ),
  oneofs: Object.fromEntries(rows.filter(([, , , kind]) => kind === 'optional').map(([, name]) => [`_${name}`, { oneof: [name] }])),
});

const messagesOf = (scope: string) => Object.fromEntries(Object.entries(TABLES[scope] ?? {}).map(([name, rows]) => [name, jsonOf(rows)]));

const contract = fromJSON(
  {
    nested: {
      coupon: { nested: { ...messagesOf('coupon'), CouponService: serviceOf('coupon', 'CouponService') } },
      user_coupon: { nested: { ...messagesOf('user_coupon'), UserCouponService: serviceOf('user_coupon', 'UserCouponService') } },
    },
  },
  { keepCase: true, defaults: true, arrays: true },
);

const methodOf = (method: Method): MethodDefinition<object, object> => {
  const [scope, service, name] = METHODS[method];
  return (contract[`${scope}.${service}`] as ServiceDefinition)[name] as MethodDefinition<object, object>;
};

export type Coupon = Readonly<{
  id: number;
  name: string;
  type: number;
  count: number;
  startDate: string;
  endDate: string;
  expireMinute: number;
  discountType: number;
  discountAmount: number;
  createdAt: string;
  updatedAt: string;
  deletedAt: string;
  couponsStock?: number;
}>;
export type Storage = Readonly<{
  id: number;
  userId: string;
  couponId: number;
  couponNumber: number;
  productId: string;
  giveDate: string;
  usedDate: string;
  expireDate: string;
  createdAt: string;
  updatedAt: string;
  deletedAt: string;
  Coupons?: Coupon;
}>;

/** How a call ended. `messages`: as many as the server sent. */
export type Answer<Message> = Readonly<{
  code: string;
  details: string;
  message: Message;
  messages: readonly Message[];
  metadata: Metadata;
  trailer: Metadata;
}>;

export type CallOptions = Readonly<{ metadata?: Readonly<Record<string, string>>; deadlineMs?: number; bytes?: Buffer }>;
const DEADLINE_MS = 20_000;

/** A client of one server, made of the tables alone. */
export const grpcClientOf = (address: string) => {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const call = <Message>(method: Method, request: object, options: CallOptions = {}): Promise<Answer<Message>> =>
    new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(method);
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
      const deadline = Date.now() + (options.deadlineMs ?? DEADLINE_MS);
      const serialize = (message: object): Buffer => options.bytes ?? requestSerialize(message);
      const deserialize = (bytes: Buffer): Message => responseDeserialize(bytes) as Message;
      const stream = client.makeServerStreamRequest(path, serialize, deserialize, request, metadata, { deadline });
      const messages: Message[] = [];
      let headers = new Metadata();
      stream.on('metadata', (given: Metadata) => {
        headers = given;
      });
      stream.on('data', (message: Message) => messages.push(message));
      stream.on('error', () => undefined);
      stream.on('status', ({ code, details, metadata: trailer }: ServiceError) => {
        resolve({ code: status[code] as string, details, message: messages[0] as Message, messages, metadata: headers, trailer });
      });
    });
  return {
    findCoupons: (options?: CallOptions) => call<{ coupons: Coupon[] }>('findCoupons', {}, options),
    create: (wished: object = {}, options?: CallOptions) => call<Coupon>('create', creation(wished), options),
    update: (couponId: number, wished: object = {}, options?: CallOptions) =>
      call<Coupon>('update', { couponId, ...creation(wished) }, options),
    deleteCoupon: (couponId: number, options?: CallOptions) => call<Coupon>('deleteCoupon', { couponId }, options),
    give: (userId: string, couponId: number, options?: CallOptions) => call<{ isReceived: boolean }>('give', { userId, couponId }, options),
    findOwn: (userId: string, take = 10, couponIdCursor?: number, options?: CallOptions) =>
      call<{ userCouponStorages: Storage[] }>(
        'findOwn',
        { userId, take, ...(couponIdCursor === undefined ? {} : { couponIdCursor }) },
        options,
      ),
    use: (own: object, productId = 'p1', options?: CallOptions) => call<Storage>('use', { productId, ...named(own) }, options),
    cancelUse: (own: object, options?: CallOptions) => call<Storage>('cancelUse', named(own), options),
    deleteOwn: (own: object, options?: CallOptions) => call<Storage>('deleteOwn', named(own), options),
    /** The bytes as they are, whatever they mean. */
    raw: (method: Method, bytes: Buffer, options?: CallOptions) => call<object>(method, {}, { ...options, bytes }),
    close: () => client.close(),
  };
};
export type GrpcClient = ReturnType<typeof grpcClientOf>;

const named = (own: object) => {
  const { id, userId, couponId } = own as Storage;
  return { id, userId, couponId };
};

const DAY_MS = 86_400_000;

/** What a coupon is when a test says nothing else: 100 pieces, half off, open for an hour around now. */
export const creation = (wished: object): object => ({
  name: 'coupon',
  type: 1,
  count: 100,
  startDate: new Date(Date.now() - 1_800_000).toISOString(),
  endDate: new Date(Date.now() + 7 * DAY_MS).toISOString(),
  expireMinute: 7_200,
  discountType: 1,
  discountAmount: 50,
  ...wished,
});

/** The call was refused with this status and this text. */
export const expectRefused = (answer: Answer<unknown>, code: string, details: string | RegExp): void => {
  expect({ code: answer.code, details: answer.details, messages: answer.messages }).toEqual({
    code,
    details: typeof details === 'string' ? details : expect.stringMatching(details),
    messages: [],
  });
};

/** The message of a call that went well. */
export const messageOf = <Message>(answer: Answer<Message>): Message => {
  expect({ code: answer.code, details: answer.details, messages: answer.messages.length }).toEqual({
    code: 'OK',
    details: expect.anything(),
    messages: 1,
  });
  return answer.message;
};
