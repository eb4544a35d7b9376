/** Names of the formats that can be decoded, for `GET /capabilities`. @param available whether the system's ffmpeg is there */
export function decodableFormats(available: { readonly ffmpeg: boolean }): readonly string[] {
  return available.ffmpeg ? [...EVERYWHERE, ...WITH_FFMPEG] : EVERYWHERE;
}

const EVERYWHERE: readonly string[] = ['wav', 'aiff', 'mp3', 'flac', 'ogg', 'opus', 'webm', 'mkv', 'amr'];
const WITH_FFMPEG: readonly string[] = ['m4a', 'mp4', 'mov', '3gp', 'aac', 'caf', 'avi', 'ts', 'mpeg', 'wma', 'flv', 'ac3', 'au', 'w64'];
