const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** What a zone is called in the texts of the shop's first clients; any other goes by its IANA name. */
const ZONE_NAMES: Readonly<Record<string, string>> = { 'Asia/Seoul': '대한민국 표준시', UTC: '협정 세계시' };

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Every zone changes its offset at a multiple of this. */
const QUARTER_HOUR_MS = 15 * MINUTE_MS;
/** Offsets remembered, one for each quarter of an hour that was asked about. */
const OFFSETS_MAX = 1_000;
const TIME_MIN = Date.parse('0001-01-01T00:00:00Z');
const TIME_MAX = Date.parse('9999-12-31T23:59:59.999Z');

const LONG =
  /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat) ([A-Z][a-z]{2}) (\d{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT([+-])(\d{2})(\d{2})(?: \([^()]{1,64}\))?$/;
const ISO = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:(Z)|([+-])(\d{2}):(\d{2}))?$/;

/** Writes and reads times as JavaScript's `Date` prints them, in one zone and in fixed words, whatever machine this runs on. */
export class ZonedTime {
  private readonly format: Intl.DateTimeFormat;
  private readonly zoneName: string;
  private offsets = new Map<number, number>();

  /** `zone`: an IANA name. */
  constructor(zone: string) {
    this.zoneName = ZONE_NAMES[zone] ?? zone;
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
    });
  }

  /** `Sat Apr 29 2023 09:00:00 GMT+0900 (대한민국 표준시)`: whole seconds, never later than `at` (milliseconds since 1970). */
  text(at: number): string {
    const offset = this.offsetAt(at);
    const local = new Date(at + offset);
    const day = `${DAYS[local.getUTCDay()]} ${MONTHS[local.getUTCMonth()]} ${two(local.getUTCDate())} ${String(local.getUTCFullYear()).padStart(4, '0')}`;
    const time = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}:${two(local.getUTCSeconds())}`;
    const minutes = Math.abs(offset) / MINUTE_MS;
    const zone = `GMT${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)} (${this.zoneName})`;
    return `${day} ${time} ${zone}`;
  }

  /**
   * Milliseconds since 1970 of a time as `text` writes it, or of ISO 8601 with an offset or, without one, in this zone. `null` for
   * any other text, and for times that do not exist or are not in the years 1 to 9999.
   */
  parse(text: string): number | null {
    const at = this.longTime(LONG.exec(text)) ?? this.isoTime(ISO.exec(text));
    return at !== null && at >= TIME_MIN && at <= TIME_MAX ? at : null;
  }

  private longTime(parts: RegExpExecArray | null): number | null {
    if (parts === null) return null;
    const [, month = '', day, year, hour, minute, second, sign, hours, minutes] = parts;
    const local = localTime([year, MONTHS.indexOf(month as 'Jan') + 1, day, hour, minute, second]);
    return local === null ? null : minus(local, sign, hours, minutes);
  }

  private isoTime(parts: RegExpExecArray | null): number | null {
    if (parts === null) return null;
    const [, year, month, day, hour, minute, second = '0', fraction = '', utc, sign, hours, minutes] = parts;
    const whole = localTime([year, month, day, hour, minute, second]);
    if (whole === null) return null;
    const local = whole + Number(fraction.padEnd(3, '0').slice(0, 3));
    if (utc !== undefined) return local;
    return sign === undefined ? this.inZone(local) : minus(local, sign, hours, minutes);
  }

  /** Where a clock of this zone shows this; the earlier of two such times, and in a gap as if the clock had gone on. */
  private inZone(local: number): number {
    const early = local - this.offsetAt(local - DAY_MS);
    const late = local - this.offsetAt(local + DAY_MS);
    return this.offsetAt(early) !== local - early && this.offsetAt(late) === local - late ? late : early;
  }

  /** Whole minutes, in milliseconds: local mean times of old had seconds, which these texts cannot say. */
  private offsetAt(at: number): number {
    const quarter = Math.floor(at / QUARTER_HOUR_MS);
    const known = this.offsets.get(quarter);
    if (known !== undefined) return known;
    const offset = this.offsetOf(quarter * QUARTER_HOUR_MS);
    if (this.offsets.size >= OFFSETS_MAX) this.offsets.clear();
    this.offsets.set(quarter, offset);
    return offset;
  }

  private offsetOf(at: number): number {
    const parts = Object.fromEntries(this.format.formatToParts(at).map(({ type, value }) => [type, value]));
    const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
    const local = new Date(0);
    local.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
    local.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
    return Math.floor((local.getTime() - at) / MINUTE_MS) * MINUTE_MS;
  }
}

const two = (number: number): string => String(number).padStart(2, '0');

type Parts = readonly (string | number | undefined)[];

/** As if the clock were that of UTC; `null` for one that no clock shows. */
const localTime = (parts: Parts): number | null => {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const local = new Date(0);
  local.setUTCFullYear(year, month - 1, day);
  const exists = local.getUTCFullYear() === year && local.getUTCMonth() === month - 1 && local.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 59) return null;
  return local.getTime() + ((hour * 60 + minute) * 60 + second) * SECOND_MS;
};

const minus = (local: number, sign: string | undefined, hours: string | undefined, minutes: string | undefined): number | null => {
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const offset = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  return sign === '-' ? local + offset : local - offset;
};
