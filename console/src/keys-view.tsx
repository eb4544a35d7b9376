import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type SyntheticEvent } from 'react';
import type { ApiKey, KeyScope, Used } from '@murmuration/client';
import { useSettings } from './settings.tsx';
import { CheckField, SelectField, TextField } from './ui/fields.tsx';
import { audioTime, dateTime } from './ui/format.ts';
import { Badge, Button, Fault, Loading, Notice, ViewTitle } from './ui/pieces.tsx';

const SCOPES: readonly KeyScope[] = ['transcribe', 'jobs', 'read', 'admin'];
const LIVES = ['', '30d', '90d', '52w'] as const;

/** The keys of the server, for administrators. A new one is shown once. */
export function KeysView() {
  const { texts, language, client } = useSettings();
  const t = texts.keys;
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly KeyScope[]>(['transcribe', 'jobs', 'read']);
  const [expires, setExpires] = useState<(typeof LIVES)[number]>('');
  const [hours, setHours] = useState('');
  const keys = useQuery({ queryKey: ['keys'], queryFn: ({ signal }) => client.keys.list({ signal }) });
  const changed = (): void => {
    void queries.invalidateQueries({ queryKey: ['keys'] });
  };
  const make = useMutation({
    mutationFn: () =>
      client.keys.create({
        name: name.trim(),
        scopes,
        ...(expires === '' ? {} : { expires }),
        ...(hours === '' ? {} : { monthly_audio_seconds: Number(hours) * 3_600 }),
      }),
    onSuccess: () => {
      setName('');
      setHours('');
      changed();
    },
  });
  // The new one first: nobody is without a key meanwhile.
  const rotate = useMutation({
    mutationFn: async (old: ApiKey) => {
      const made = await client.keys.create({
        name: old.name,
        scopes: old.scopes,
        weight: old.weight,
        // One that has expired is followed by one that does not expire.
        ...(old.expires_at === null || old.state === 'expired' ? {} : { expires: old.expires_at }),
        ...(old.monthly_audio_seconds === null ? {} : { monthly_audio_seconds: old.monthly_audio_seconds }),
      });
      await client.keys.revoke(old.id);
      return made;
    },
    onSettled: changed,
  });
  const revoke = useMutation({ mutationFn: (id: string) => client.keys.revoke(id), onSettled: changed });
  const made = rotate.data ?? make.data;
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    rotate.reset();
    make.mutate();
  };
  return (
    <>
      <ViewTitle>{t.title}</ViewTitle>
      <div className="space-y-6">
        <form className="card space-y-4" onSubmit={submit}>
          <h2 className="heading">{t.make}</h2>
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField
              id="key-name"
              label={t.name}
              required
              pattern="[\w.@\-]{1,64}"
              title={t.nameHint}
              value={name}
              onText={setName}
            />
            <SelectField
              id="key-life"
              label={t.expires}
              value={expires}
              onChange={setExpires}
              choices={LIVES.map((life) => [life, t.lives[life]] as const)}
            />
            <TextField
              id="key-quota"
              label={t.quota}
              type="number"
              min="0.1"
              step="any"
              value={hours}
              onText={setHours}
            />
          </div>
          <fieldset className="flex flex-wrap gap-4">
            <legend className="label">{t.scopes}</legend>
            {SCOPES.map((scope) => (
              <CheckField
                key={scope}
                label={scope}
                checked={scopes.includes(scope)}
                onChange={(checked) => {
                  setScopes((before) => (checked ? [...before, scope] : before.filter((one) => one !== scope)));
                }}
              />
            ))}
          </fieldset>
          <Button kind="primary" type="submit" disabled={make.isPending || scopes.length === 0}>
            {t.make}
          </Button>
          {make.isError ? <Fault error={make.error} /> : null}
        </form>
        {made === undefined ? null : (
          <Notice>
            <p>{t.once}</p>
            <p>
              <code className="break-all" data-testid="new-key">
                {made.key}
              </code>
            </p>
          </Notice>
        )}
        <section className="card">
          <h2 className="heading">{t.title}</h2>
          {rotate.isError ? <Fault error={rotate.error} /> : null}
          {revoke.isError ? <Fault error={revoke.error} /> : null}
          {keys.isError ? <Fault error={keys.error} retry={() => void keys.refetch()} /> : null}
          {keys.isPending ? <Loading /> : null}
          <ul className="divide-y divide-stone-200 dark:divide-stone-800">
            {(keys.data ?? []).map((key) => (
              <li key={key.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 py-3" data-testid="key">
                <p className="min-w-0 flex-1 basis-48">
                  <span className="font-medium">{key.name}</span> <code className="muted text-xs">{key.id}</code>
                  <br />
                  <span className="muted text-sm">
                    {key.scopes.join(', ')} · {t.expires}:{' '}
                    {key.expires_at === null ? t.lives[''] : dateTime(key.expires_at, language)}
                  </span>
                  <br />
                  <KeyUsage apiKey={key} />
                </p>
                <Badge tone={key.state === 'usable' ? 'done' : 'failed'}>{t.states[key.state]}</Badge>
                {key.state === 'revoked' ? null : (
                  <div className="flex gap-2">
                    <Button
                      aria-label={`${t.rotate} ${key.name}`}
                      onClick={() => {
                        rotate.mutate(key);
                      }}
                    >
                      {t.rotate}
                    </Button>
                    <Button
                      kind="danger"
                      aria-label={`${t.revoke} ${key.name}`}
                      onClick={() => {
                        revoke.mutate(key.id);
                      }}
                    >
                      {t.revoke}
                    </Button>
                  </div>
                )}
              </li>
            ))}
          </ul>
        </section>
      </div>
    </>
  );
}

/** What the name of the key has used this month and the last. */
function KeyUsage({ apiKey: { usage, monthly_audio_seconds: quota } }: { readonly apiKey: ApiKey }) {
  const { texts, language } = useSettings();
  const t = texts.keys;
  const time = (seconds: number): string => audioTime(seconds, language);
  if (usage === null) return quota === null ? null : <span className="muted text-sm">{t.used('–', time(quota))}</span>;
  const audio = (used: Used): number => used.recorded_seconds + used.live_seconds;
  const { month, last_month } = usage;
  const number = new Intl.NumberFormat(language);
  return (
    <span className="muted text-sm" data-testid="usage">
      {[
        t.used(time(audio(month)), quota === null ? null : time(quota)),
        t.usedBy(number.format(month.recordings), number.format(month.live_sessions)),
        t.before(time(audio(last_month))),
      ].join(' · ')}
    </span>
  );
}
