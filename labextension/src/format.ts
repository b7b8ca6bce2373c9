/** How times, sizes and measures read in a narrow column. */

/** Measures worth a badge, the most telling first; names are compared without case. */
const TELLING = [
  'val_accuracy',
  'test_accuracy',
  'accuracy',
  'f1',
  'auc',
  'val_loss',
  'test_loss',
  'loss'
];

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

export interface IClock {
  now?: Date;
  locale?: string;
  timeZone?: string;
}

/** The hour for today, the day for this year, else month and year; all local. */
export function shortTime(iso: string, clock: IClock = {}): string {
  const when = new Date(iso);
  if (isNaN(when.getTime())) {
    return iso;
  }
  const { now = new Date(), locale, timeZone } = clock;
  const show = (options: Intl.DateTimeFormatOptions, date = when): string =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone }).format(date);
  const day: Intl.DateTimeFormatOptions = {
    year: 'numeric',
    month: 'short',
    day: 'numeric'
  };
  if (show(day) === show(day, now)) {
    return show({ hour: '2-digit', minute: '2-digit' });
  }
  const sameYear = show({ year: 'numeric' }) === show({ year: 'numeric' }, now);
  return show({
    month: 'short',
    ...(sameYear ? { day: 'numeric' } : { year: 'numeric' })
  });
}

/** Local date and time to the minute. */
export function longTime(iso: string, clock: IClock = {}): string {
  const when = new Date(iso);
  if (isNaN(when.getTime())) {
    return iso;
  }
  return new Intl.DateTimeFormat(clock.locale, {
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: clock.timeZone
  }).format(when);
}

/** Three significant digits where that is enough, exponents only where unavoidable. */
export function shortNumber(value: number): string {
  if (!Number.isFinite(value)) {
    return String(value);
  }
  if (Number.isInteger(value) && Math.abs(value) < 1e6) {
    return String(value);
  }
  const size = Math.abs(value);
  return size >= 1e-3 && size < 1e6
    ? size >= 100
      ? value.toFixed(size >= 1000 ? 0 : 1)
      : value.toPrecision(3)
    : value.toExponential(1);
}

/** A measure as text: numbers in full, the rest as JSON. */
export function fullValue(value: unknown): string {
  if (typeof value === 'number') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  }
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The measure shown in a row: the asked-for one, else the most telling number there is. */
export function badge(
  metrics: Record<string, unknown>,
  preferred = ''
): { name: string; text: string } | null {
  const names = Object.keys(metrics).filter(name => typeof metrics[name] === 'number');
  const rank = (name: string): number => {
    const place = TELLING.indexOf(name.toLowerCase());
    return name === preferred ? -1 : place < 0 ? TELLING.length : place;
  };
  names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const name = names[0];
  return name === undefined ? null : { name, text: shortNumber(metrics[name] as number) };
}

/** A size with its unit, in powers of 1000 as disks are sold. */
export function size(bytes: number): string {
  let unit = 0;
  while (bytes >= 999.5 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit === 0 || bytes >= 99.5 ? Math.round(bytes) : bytes.toPrecision(2)} ${UNITS[unit]}`;
}
