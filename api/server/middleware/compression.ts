/**
 * Large answers, compressed for clients that take gzip (Go's do by themselves): a list of thousands of objects becomes
 * a tenth. The work is done off the main thread, once for each body: lists and documents are handed out as the very
 * same bytes until they change. When too much is being compressed already an answer goes out as it is.
 * Source of the bound: Kubernetes' apiserver (128 KiB, fastest level).
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { AppContext, AppMiddleware } from '../context.ts';

const LEAST_BYTES = 128 * 1024;
/** Of the four threads of the pool: files and keys need some, too. */
const MOST_AT_ONCE = 2;

const compress = promisify(gzip);

export function compressed(leastBytes = LEAST_BYTES): AppMiddleware {
  const done = new WeakMap<Buffer, Promise<Buffer>>();
  let running = 0;

  async function begin(body: Buffer): Promise<Buffer> {
    running++;
    try {
      return await compress(body, { level: constants.Z_BEST_SPEED });
    } finally {
      running--;
    }
  }

  return async (ctx, next) => {
    await next();
    const { body } = ctx;
    if (!Buffer.isBuffer(body) || body.length < leastBytes || ctx.respond === false) return;
    ctx.vary('Accept-Encoding');
    if (ctx.method === 'HEAD' || !takesGzip(ctx)) return;
    let result = done.get(body);
    if (result === undefined) {
      if (running >= MOST_AT_ONCE) return;
      done.set(body, (result = begin(body)));
    }
    const bytes = await result;
    ctx.set('Content-Encoding', 'gzip');
    ctx.body = bytes;
  };
}

function takesGzip(ctx: AppContext): boolean {
  const accepted = ctx.get('Accept-Encoding');
  if (accepted === '' || accepted === 'identity') return false;
  return accepted.split(',').some((one) => {
    const [name = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    return (name === 'gzip' || name === '*') && !parameters.some((part) => /^q=0(?:\.0*)?$/.test(part));
  });
}
