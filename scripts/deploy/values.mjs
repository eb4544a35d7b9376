/** Paths of all leaves of a value: `api.image.tag`. Empty maps and lists are leaves. */
export function leafPaths(value, path = []) {
  if (value === null || typeof value !== 'object' || Array.isArray(value) || Object.keys(value).length === 0)
    return [path];
  return Object.entries(value).flatMap(([key, inner]) => leafPaths(inner, [...path, key]));
}

/** What lies at a path; undefined where nothing does. */
export function at(value, path) {
  return path.reduce((inner, key) => inner?.[key], value);
}

/** Paths after `.Values`, `$v` or `$values` (and `$pool`, whose are those of workerDefaults) in templates that values.yaml does not declare. */
export function undeclaredPaths(templates, values) {
  const used = [...templates.matchAll(/(\.Values|\$v|\$values|\$pool)((?:\.[A-Za-z]\w*)+)/g)].map(([, root, path]) =>
    root === '$pool' ? `workerDefaults${path}` : path.slice(1),
  );
  return [...new Set(used)].filter((path) => at(values, path.split('.')) === undefined);
}

/** Another value of the same type. */
export function changed(value) {
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'string') return `${value}other`;
  if (Array.isArray(value)) return [...value, 'other'];
  return { OTHER: 'other' };
}

/** A map with one leaf, for the rest to be merged into. */
export function nested(path, value) {
  return path.reduceRight((inner, key) => ({ [key]: inner }), value);
}

/** Where schema and values disagree: keys of one that the other lacks, and objects that are not closed. */
export function schemaFaults(schema, values, path = []) {
  const name = path.join('.') || 'the top';
  if (schema === undefined) return [`${name} is in values.yaml and not in values.schema.json`];
  if (schema.properties === undefined) return [];
  const faults = schema.additionalProperties === false ? [] : [`${name} is not closed in values.schema.json`];
  for (const key of Object.keys(schema.properties))
    if (values?.[key] === undefined && key !== 'global')
      faults.push(`${[...path, key].join('.')} is in values.schema.json and not in values.yaml`);
  for (const [key, value] of Object.entries(values ?? {}))
    faults.push(...schemaFaults(schema.properties[key], value, [...path, key]));
  return faults;
}
