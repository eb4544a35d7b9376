import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { hrefOf } from '../route.ts';
import { useSettings } from '../settings.tsx';
import { SelectField } from '../ui/fields.tsx';
import { download } from '../ui/format.ts';
import { Button, Fault, Notice, ViewTitle } from '../ui/pieces.tsx';
import { liveRun } from './live-run.ts';
import { UtteranceList } from './watch-view.tsx';

export function LiveView() {
  const { texts, client, language: uiLanguage } = useSettings();
  const t = texts.live;
  const { state, sessionId, utterances, microphone, error } = useSyncExternalStore(liveRun.subscribe, liveRun.view);
  const [language, setLanguage] = useState('');
  const capabilities = useQuery({
    queryKey: ['capabilities'],
    queryFn: ({ signal }) => client.capabilities({ signal }),
  });
  const { models = [], model } = capabilities.data ?? {};
  const languages = models.find(({ id }) => id === model?.id)?.languages ?? [];
  const names = new Intl.DisplayNames([uiLanguage], { type: 'language' });
  const isOff = state === 'idle' || state === 'closed' || state === 'failed';
  const isOn = state === 'listening' || state === 'paused' || state === 'reconnecting';
  return (
    <>
      <ViewTitle>{t.title}</ViewTitle>
      <div className="card space-y-4">
        <div className="flex flex-wrap items-end gap-3">
          {isOff ? (
            <>
              <Button
                kind="primary"
                onClick={() => {
                  void liveRun.start(client, language === '' ? undefined : language);
                }}
              >
                {state === 'idle' ? t.start : t.again}
              </Button>
              {languages.length < 2 ? null : (
                <div className="basis-48">
                  <SelectField
                    id="live-language"
                    label={t.spoken}
                    value={language}
                    onChange={setLanguage}
                    choices={[
                      ['', texts.transcribe.auto],
                      ...languages.map((code) => [code, names.of(code) ?? code] as const),
                    ]}
                  />
                </div>
              )}
            </>
          ) : null}
          {isOn ? (
            <>
              <Button
                onClick={() => {
                  if (state === 'paused') liveRun.resume();
                  else liveRun.pause();
                }}
              >
                {state === 'paused' ? t.resume : t.pause}
              </Button>
              <Button
                kind="danger"
                onClick={() => {
                  liveRun.stop();
                }}
              >
                {t.stop}
              </Button>
            </>
          ) : null}
          <p role="status" className="font-medium" data-testid="live-state" data-state={state}>
            {t.states[state]}
          </p>
        </div>
        {isOn ? <LevelMeter /> : null}
        {microphone === null ? null : <Notice kind="error">{t[microphone]}</Notice>}
        {error === null || error === undefined ? null : <Fault error={error} />}
        <UtteranceList utterances={utterances} />
        {utterances.length === 0 ? null : (
          <Button
            onClick={() => {
              download(
                'live.txt',
                new Blob([`${utterances.map(({ text }) => text).join('\n')}\n`], { type: 'text/plain' }),
              );
            }}
          >
            {t.download}
          </Button>
        )}
        {sessionId === null ? null : <ViewerLink sessionId={sessionId} />}
      </div>
    </>
  );
}

/** How loud it is, drawn as often as the screen is. */
function LevelMeter() {
  const { level: label } = useSettings().texts.live;
  const meter = useRef<HTMLMeterElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    const draw = (): void => {
      shown = Math.max(liveRun.level, shown * 0.92);
      // Loudness is heard by ratios: 0 is -60 dB of full scale.
      const share = shown <= 0.001 ? 0 : 1 + Math.log10(shown) / 3;
      if (meter.current !== null) meter.current.value = Math.min(1, share);
      frame = requestAnimationFrame(draw);
    };
    draw();
    return () => {
      cancelAnimationFrame(frame);
    };
  }, []);
  return <meter ref={meter} aria-label={label} className="h-3 w-full" min={0} max={1} high={0.97} />;
}

function ViewerLink({ sessionId }: { readonly sessionId: string }) {
  const t = useSettings().texts.live;
  const [isCopied, setCopied] = useState(false);
  const link = `${location.origin}${location.pathname}${hrefOf('watch', sessionId)}`;
  return (
    <div>
      <label className="label" htmlFor="viewers">
        {t.viewers}
      </label>
      <div className="flex gap-2">
        <input
          id="viewers"
          className="field"
          readOnly
          value={link}
          aria-describedby="viewers-hint"
          onFocus={(event) => {
            event.target.select();
          }}
        />
        <Button
          onClick={() => {
            // Only secure pages may write to the clipboard; elsewhere the field can be copied from.
            void (navigator.clipboard as Clipboard | undefined)?.writeText(link).then(() => {
              setCopied(true);
            });
          }}
        >
          {isCopied ? t.copied : t.copy}
        </Button>
      </div>
      <p id="viewers-hint" className="muted mt-1 text-sm">
        {t.viewersHint}
      </p>
    </div>
  );
}
