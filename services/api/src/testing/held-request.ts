import { request, type ClientRequest, type IncomingMessage } from 'node:http';

/** A request whose body is sent piece by piece, as the test wants. */
export class HeldRequest {
  readonly raw: ClientRequest;
  readonly #answer: Promise<IncomingMessage>;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.raw = request(url, { method: 'POST', headers, agent: false });
    this.#answer = new Promise((resolve, reject) => {
      this.raw.once('response', resolve).once('error', reject);
    });
    this.#answer.catch(() => undefined);
    this.raw.on('error', () => undefined);
  }

  /** Sends a piece and waits until it has left. */
  async send(piece: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.raw.write(Buffer.from(piece, 'latin1'), () => {
        resolve();
      });
    });
  }

  end(piece = ''): void {
    this.raw.end(Buffer.from(piece, 'latin1'));
  }

  answer(): Promise<IncomingMessage> {
    return this.#answer;
  }

  async text(): Promise<string> {
    const answer = await this.answer();
    let text = '';
    for await (const piece of answer.setEncoding('utf8')) text += String(piece);
    return text;
  }

  async json(): Promise<{
    status: number | undefined;
    code: string | undefined;
    param: string | null | undefined;
    text: string | undefined;
  }> {
    const answer = await this.answer();
    const body = JSON.parse(await this.text()) as { error?: { code: string; param: string | null }; text?: string };
    return { status: answer.statusCode, code: body.error?.code, param: body.error?.param, text: body.text };
  }
}

/** Events of a stream as they come. */
export async function* events(
  answer: IncomingMessage,
): AsyncGenerator<{ name: string | null; data: Record<string, unknown> }, undefined> {
  let rest = '';
  for await (const piece of answer.setEncoding('utf8')) {
    rest += String(piece);
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data !== undefined)
        yield { name: /^event: (.*)$/m.exec(block)?.[1] ?? null, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
  return undefined;
}

const BOUNDARY = 'test-boundary';
export const FORM_TYPE = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

export function fieldPart(name: string, value: string): string {
  return `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
}

export function filePart(content: string): string {
  return `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n${content}`;
}

export const FORM_END = `--${BOUNDARY}--\r\n`;
