/** What the kernel tells of a process's network, and of the machine's block devices. Source of the forms: proc(5). */
import type { InterfaceFigures } from '../../../machinery/containerfigures.ts';
import type { NameDevice } from './groups.ts';
import type { ReadNow } from './kernelfiles.ts';

/** What is not a way out of the container. */
const LOOPBACK = 'lo';

/** Of `/proc/<pid>/net/dev`: two lines of headings, then one for each interface, eight figures in and eight out. */
export function interfacesOf(text: string | undefined): readonly InterfaceFigures[] {
  return (text ?? '')
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const colon = line.lastIndexOf(':');
      const name = line.slice(0, Math.max(0, colon)).trim();
      const figures = line
        .slice(colon + 1)
        .trim()
        .split(/ +/)
        .map(Number);
      if (name === '' || name === LOOPBACK || figures.length < 16) return [];
      const [receivedBytes = 0, receivedPackets = 0, receiveErrors = 0, receiveDropped = 0] = figures;
      const [sentBytes = 0, sentPackets = 0, sendErrors = 0, sendDropped = 0] = figures.slice(8);
      return [
        {
          name,
          receivedBytes,
          receivedPackets,
          receiveErrors,
          receiveDropped,
          sentBytes,
          sentPackets,
          sendErrors,
          sendDropped,
        },
      ];
    });
}

/** Names read once, and again when a number is not known: at most once for each reading of all containers. */
export function newDeviceNames(read: ReadNow): { readonly forOneReading: () => NameDevice } {
  let names: ReadonlyMap<string, string> = new Map();
  return {
    forOneReading() {
      let isFresh = false;
      return (number) => {
        if (!names.has(number) && !isFresh) {
          names = deviceNames(read('/proc/diskstats'));
          isFresh = true;
        }
        const name = names.get(number);
        return name === undefined ? number : `/dev/${name}`;
      };
    },
  };
}

/** Lines of `   8       0 sda 123 …`. */
function deviceNames(diskstats: string | undefined): ReadonlyMap<string, string> {
  const lines = [...(diskstats ?? '').matchAll(/^ *(\d+) +(\d+) (\S+)/gm)];
  return new Map(lines.map(([, major = '', minor = '', name = '']) => [`${major}:${minor}`, name]));
}
