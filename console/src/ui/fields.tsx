import type { InputHTMLAttributes } from 'react';

/** A labelled input; takes what `<input>` takes, and tells its text. */
export function TextField({
  id,
  label,
  onText,
  ...rest
}: Omit<InputHTMLAttributes<HTMLInputElement>, 'id' | 'className' | 'onChange'> & {
  readonly id: string;
  readonly label: string;
  readonly onText: (text: string) => void;
}) {
  return (
    <div>
      <label className="label" htmlFor={id}>
        {label}
      </label>
      <input
        id={id}
        className="field"
        onChange={(event) => {
          onText(event.target.value);
        }}
        {...rest}
      />
    </div>
  );
}

/** A labelled list to choose one value from. */
export function SelectField<T extends string>({
  id,
  label,
  value,
  onChange,
  choices,
}: {
  readonly id: string;
  readonly label: string;
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly choices: readonly (readonly [value: T, text: string])[];
}) {
  return (
    <div>
      <label className="label" htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        className="field"
        value={value}
        onChange={(event) => {
          onChange(event.target.value as T);
        }}
      >
        {choices.map(([code, text]) => (
          <option key={code} value={code}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A box to check, with its label beside it. */
export function CheckField({
  label,
  checked,
  onChange,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label className="flex items-center gap-2 text-sm">
      <input
        type="checkbox"
        className="size-4 accent-teal-700"
        checked={checked}
        onChange={(event) => {
          onChange(event.target.checked);
        }}
      />
      {label}
    </label>
  );
}
