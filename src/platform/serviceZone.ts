/** Every zone is offset by a multiple of this from UTC, so a day never begins inside of one. */
const QUARTER_HOUR_MS = 15 * 60_000;

/**
 * The calendar day of a time in a zone, `YYYY-MM-DD`. Those who ask mostly ask for neighbouring times: the calendar is
 * asked once each quarter of an hour.
 */
export const calendarOf = (zone: string): ((at: number) => string) => {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  let quarter = Number.NaN;
  let day = '';
  return (at) => {
    if (Math.floor(at / QUARTER_HOUR_MS) === quarter) return day;
    quarter = Math.floor(at / QUARTER_HOUR_MS);
    day = format.format(quarter * QUARTER_HOUR_MS);
    return day;
  };
};

const calendars = new Map<string, (at: number) => string>();

/** The calendar day of a moment in a zone, `YYYY-MM-DD`. */
export const dayIn = (zone: string, at: number): string => {
  const calendar = calendars.get(zone) ?? calendarOf(zone);
  calendars.set(zone, calendar);
  return calendar(at);
};

/** The calendar day `days` before another. */
export const daysBefore = (day: string, days: number): string => {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - days);
  return date.toISOString().slice(0, 10);
};
