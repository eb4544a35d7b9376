const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/**
 * A page of the site out of the API's own description (OpenAPI 3.1): every address with its fields and answers.
 * @param {object} document @returns {string} Markdown
 */
export function openApiPage(document) {
  const operations = Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => ({ method, path, operation: item[method] })),
  );
  return `${[
    '# Every address',
    'Made from the description that the HTTP service serves at `/openapi.json`, which is made from the schemas that validate. What it means: [HTTP API](api.md).',
    ...operations.flatMap((one) => section(one, document)),
  ].join('\n\n')}\n`;
}

function section({ method, path, operation }, document) {
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const form =
    bodies.find(([type]) => type === 'multipart/form-data') ?? bodies.find(([, body]) => body.schema?.properties);
  const parameters = (operation.parameters ?? []).map(({ name, in: place, required, schema, description }) => ({
    name,
    place,
    required,
    schema,
    description: description ?? schema?.description,
  }));
  const named = new Set(parameters.map(({ name }) => name));
  const fields = Object.entries(resolved(form?.[1].schema, document)?.properties ?? {})
    .filter(([name]) => !named.has(name))
    .map(([name, schema]) => ({ name, place: 'body', schema, description: schema.description }));
  return [
    `## \`${method.toUpperCase()} ${path}\``,
    ...[operation.summary, operation.description].flatMap((text) => (text === undefined ? [] : [plain(text)])),
    ...(bodies.length === 0 ? [] : [`Body: ${bodies.map(([type]) => `\`${type}\``).join(', ')}.`]),
    ...table(
      ['field', 'in', 'type', ''],
      [...parameters, ...fields].map(({ name, place, required, schema, description }) => [
        `\`${name}\`${required === true ? ' (required)' : ''}`,
        place,
        typeOf(resolved(schema, document)),
        plain(description ?? ''),
      ]),
    ),
    ...table(
      ['status', 'answer'],
      Object.entries(operation.responses ?? {}).map(([status, answer]) => [
        status,
        [plain(answer.description ?? ''), ...Object.keys(answer.content ?? {}).map((type) => `\`${type}\``)].join(' '),
      ]),
    ),
  ];
}

function resolved(schema, document) {
  const name = /^#\/components\/schemas\/(.+)$/.exec(schema?.$ref ?? '')?.[1];
  return name === undefined ? schema : document.components?.schemas?.[name];
}

function typeOf(schema) {
  if (schema === undefined) return '';
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(' ');
  const all = schema.anyOf ?? schema.oneOf;
  if (all !== undefined) return [...new Set(all.map(typeOf))].filter((type) => type !== '').join(' or ');
  if (schema.const !== undefined) return `\`${String(schema.const)}\``;
  const bounds = [
    schema.minimum === undefined ? '' : `from ${String(schema.minimum)}`,
    schema.maximum === undefined || schema.maximum >= Number.MAX_SAFE_INTEGER ? '' : `to ${String(schema.maximum)}`,
  ].filter((bound) => bound !== '');
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? '');
  const words =
    schema.format === 'binary' ? 'bytes' : type === 'array' ? `list of ${typeOf(schema.items) || 'anything'}` : type;
  return [words, ...bounds].join(' ');
}

function table(headings, rows) {
  if (rows.length === 0) return [];
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [[line(headings), `|${'---|'.repeat(headings.length)}`, ...rows.map(line)].join('\n')];
}

/** Prose in one line, without marks that a page would take for its own; what stands between backticks stays. */
function plain(text) {
  return text
    .replaceAll(/\s+/g, ' ')
    .split('`')
    .map((part, i) => (i % 2 === 1 ? part : part.replaceAll('<', '&lt;').replaceAll('{{', '{ {')))
    .join('`')
    .trim();
}
