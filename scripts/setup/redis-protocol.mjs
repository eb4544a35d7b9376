import { connect } from 'node:net';

/** An answer of Redis that says what went wrong, for example while it loads its data. */
class RedisReplyError extends Error {
  name = 'RedisReplyError';
}

/** One reply at `at`: `[value, end]`, or null while bytes are missing. Covers what the few commands of the set-up answer. */
function parseReply(text, at = 0) {
  const lineEnd = text.indexOf('\r\n', at);
  if (lineEnd === -1) return null;
  const line = text.slice(at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (text[at]) {
    case '+': return [line, next];
    case ':': return [Number(line), next];
    case '-': return [new RedisReplyError(line), next];
    case '$': {
      const length = Number(line);
      if (length < 0) return [null, next];
      return text.length < next + length + 2 ? null : [text.slice(next, next + length), next + length + 2];
    }
    case '*': {
      const items = [];
      let position = next;
      for (let i = 0; i < Number(line); i += 1) {
        const item = parseReply(text, position);
        if (item === null) return null;
        items.push(item[0]);
        position = item[1];
      }
      return [items, position];
    }
    default: throw new Error('what answers there is no Redis');
  }
}

/**
 * Sends one command to a Redis, after `password` where one is given, and answers its reply (strings, numbers, arrays). Speaks the protocol
 * itself because it runs before the npm dependencies are there. Throws `RedisReplyError` for an error reply, and a plain
 * error when nothing listens, when it is no Redis, or after `timeoutMs`.
 */
export function askRedis({ host = '127.0.0.1', port, password = null }, command, timeoutMs = 2_000) {
  const commands = [...(password === null ? [] : [['AUTH', password]]), command];
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = '';
    const end = (settle, value) => {
      socket.destroy();
      settle(value);
    };
    socket.setTimeout(timeoutMs, () => { end(reject, new Error(`no answer within ${String(timeoutMs)} ms`)); });
    socket.once('error', (error) => { end(reject, error); });
    socket.once('close', () => { reject(new Error('the connection was closed')); });
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      try {
        let at = 0;
        for (let i = 0; i < commands.length; i += 1) {
          const reply = parseReply(text, at);
          if (reply === null) return;
          if (reply[0] instanceof Error) end(reject, reply[0]);
          else if (i === commands.length - 1) end(resolve, reply[0]);
          at = reply[1];
        }
      } catch (error) {
        end(reject, error);
      }
    });
    // Arrays of bulk strings; the arguments here are plain ASCII.
    socket.write(commands.map((words) => `*${String(words.length)}\r\n${words.map((word) => `$${String(Buffer.byteLength(word))}\r\n${word}\r\n`).join('')}`).join(''));
  });
}
