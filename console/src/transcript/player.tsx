import { useEffect, useRef, useState, type RefObject } from 'react';
import { keepAudio } from '../audio-shelf.ts';
import { useSettings } from '../settings.tsx';
import { clock } from '../ui/format.ts';
import { Button } from '../ui/pieces.tsx';
import type { EditedSegment } from './edits.ts';

/** A longer recording is not decoded for its waveform: an hour of sound takes a gigabyte. Seconds. */
const LONGEST_DECODED = 20 * 60;
const BARS = 800;
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** The sound of a transcript: waveform, play, speed. `audio` is the element that plays. */
export function Player({
  id,
  file,
  duration,
  segments,
  audio,
  onFile,
}: {
  readonly id: string;
  readonly file: Blob | null;
  readonly duration: number;
  readonly segments: readonly EditedSegment[];
  readonly audio: RefObject<HTMLAudioElement | null>;
  readonly onFile: (file: Blob) => void;
}) {
  const { texts, theme } = useSettings();
  const t = texts.transcript;
  const wave = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [isPlaying, setPlaying] = useState(false);
  const [time, setTime] = useState(0);
  const [speed, setSpeed] = useState(1);
  const isLong = duration > LONGEST_DECODED;
  const bars = useRef<number[]>([]);
  bars.current = isLong ? speechBars(segments, duration) : [];

  useEffect(() => {
    const element = audio.current;
    if (file === null || element === null) return;
    const address = URL.createObjectURL(file);
    element.src = address;
    const leaving = new AbortController();
    let destroy = (): void => undefined;
    void import('wavesurfer.js').then(({ default: WaveSurfer }) => {
      if (leaving.signal.aborted || wave.current === null) return;
      const drawn = WaveSurfer.create({
        container: wave.current,
        media: element,
        height: 64,
        barWidth: 2,
        barGap: 1,
        waveColor: '#78716c',
        progressColor: '#0d9488',
        cursorColor: '#dc2626',
        cspNonce: document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '',
        ...(isLong ? { peaks: [bars.current], duration } : {}),
      });
      // What cannot be drawn can be heard all the same.
      drawn.on('error', () => undefined);
      destroy = () => {
        drawn.destroy();
      };
    });
    return () => {
      leaving.abort();
      destroy();
      element.pause();
      element.removeAttribute('src');
      URL.revokeObjectURL(address);
    };
  }, [file, audio, isLong, duration, theme]);
  useEffect(() => {
    if (audio.current !== null) audio.current.playbackRate = speed;
  }, [audio, speed, file]);

  return (
    <section className="card space-y-3" aria-label={t.play}>
      <audio
        ref={audio}
        onPlay={() => {
          setPlaying(true);
        }}
        onPause={() => {
          setPlaying(false);
        }}
        onTimeUpdate={({ currentTarget }) => {
          setTime(currentTarget.currentTime);
        }}
      />
      {file === null ? (
        <div className="flex flex-wrap items-center gap-3">
          <Button onClick={() => input.current?.click()}>{t.sound}</Button>
          <p className="muted text-sm">{t.soundHint}</p>
          <input
            ref={input}
            type="file"
            hidden
            data-testid="sound"
            aria-label={t.sound}
            onChange={(event) => {
              const chosen = event.target.files?.[0];
              if (chosen === undefined) return;
              void keepAudio(id, chosen, null);
              onFile(chosen);
            }}
          />
        </div>
      ) : (
        <>
          <div ref={wave} data-testid="wave" />
          {isLong ? <p className="muted text-sm">{t.noWave}</p> : null}
          <div className="flex flex-wrap items-center gap-3">
            <Button
              kind="primary"
              onClick={() => {
                if (isPlaying) audio.current?.pause();
                else void audio.current?.play();
              }}
            >
              {isPlaying ? t.pause : t.play}
            </Button>
            <p className="tabular-nums">
              {clock(time)} / {clock(duration)}
            </p>
            <label className="flex items-center gap-2 text-sm">
              {t.speed}
              <select
                className="field w-auto"
                value={speed}
                onChange={(event) => {
                  setSpeed(Number(event.target.value));
                }}
              >
                {SPEEDS.map((one) => (
                  <option key={one} value={one}>
                    {one} ×
                  </option>
                ))}
              </select>
            </label>
          </div>
        </>
      )}
    </section>
  );
}

/** Where speech is, as heights of bars. */
function speechBars(segments: readonly EditedSegment[], duration: number): number[] {
  const bars = new Array<number>(BARS).fill(0.04);
  for (const { start, end } of segments)
    for (let i = Math.floor((start / duration) * BARS); i <= (end / duration) * BARS && i < BARS; i++) bars[i] = 0.7;
  return bars;
}
