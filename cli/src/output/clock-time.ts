/** Seconds as people read them: `1:02:03` or `2:03`; with tenths where asked for. */
export function clockTime(seconds: number, tenths = false): string {
  const units = Math.floor(seconds * (tenths ? 10 : 1) + 1e-6);
  const whole = Math.floor(units / (tenths ? 10 : 1));
  const [h, m, s] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const minutes = h === 0 ? String(m) : `${String(h)}:${String(m).padStart(2, '0')}`;
  return `${minutes}:${String(s).padStart(2, '0')}${tenths ? `.${String(units % 10)}` : ''}`;
}
