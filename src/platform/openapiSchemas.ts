import { z } from 'zod';

export type JsonSchema = Readonly<Record<string, unknown>>;
export type Parameter = Readonly<{
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
}>;

/** OpenAPI 3.1 takes JSON Schema 2020-12 as it is. What no schema can say (a refinement) is left to the descriptions. */
const schemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema => {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: withExamples }) as JsonSchema;
  return json;
};

/** Zod leaves examples out where a value is changed while it is parsed, since they could be of either kind. Here they are inputs. */
const withExamples = ({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodTypes; jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  const examples = z.globalRegistry.get(zodSchema)?.examples;
  if (Array.isArray(examples)) jsonSchema.examples = examples;
};

/** What a client may send. */
export const inputSchema = (schema: z.ZodType): JsonSchema => schemaOf(schema, 'input');

/** What a client is sent. */
export const outputSchema = (schema: z.ZodType): JsonSchema => schemaOf(schema, 'output');

/** The members of a parser of parameters, each as a parameter of its own. */
export const parametersOf = (place: 'path' | 'query', schema: z.ZodObject | undefined): readonly Parameter[] => {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = inputSchema(schema) as {
    properties?: Record<string, JsonSchema>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(typeof description === 'string' ? { description } : {}),
    schema: asText(rest),
  }));
};

/** In an address everything is text, also what a body may hold as a number. */
const asText = (schema: JsonSchema): JsonSchema => {
  const { type, minimum: _least, maximum: _most, ...rest } = schema;
  return Array.isArray(type) && type.includes('string') ? { type: 'string', ...rest } : schema;
};
