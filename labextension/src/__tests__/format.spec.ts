import { badge, fullValue, longTime, shortNumber, shortTime, size } from '../format';

const clock = {
  now: new Date('2023-10-27T10:00:00Z'),
  locale: 'en-GB',
  timeZone: 'Europe/Berlin'
};

describe('times', () => {
  it.each([
    ['2023-10-27T00:48:04Z', '02:48'],
    // The same instant is another day in another zone.
    ['2023-10-26T22:30:00Z', '00:30'],
    ['2023-10-05T14:23:45Z', '5 Oct'],
    ['2022-12-31T23:30:00Z', '1 Jan'],
    ['2021-09-22T19:11:02Z', 'Sept 2021'],
    ['no time', 'no time']
  ])('%s is shown as %s', (iso, shown) => {
    expect(shortTime(iso, clock)).toBe(shown);
  });

  it('are local and whole in the details', () => {
    expect(longTime('2023-10-27T00:48:04Z', clock)).toBe('27 Oct 2023, 02:48');
  });
});

describe('numbers', () => {
  it.each([
    [0.97114, '0.971'],
    [0.9, '0.900'],
    [12.345, '12.3'],
    [345.67, '345.7'],
    [12345.6, '12346'],
    [3, '3'],
    [0.00001234, '1.2e-5'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity']
  ])('%s is short as %s', (value, shown) => {
    expect(shortNumber(value)).toBe(shown);
  });

  it('are given to six digits in full, and other values as JSON', () => {
    expect(fullValue(0.123456789)).toBe('0.123457');
    expect(fullValue('best')).toBe('best');
    expect(fullValue([1, 2])).toBe('[1,2]');
    expect(fullValue(undefined)).toBe('');
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 KB'],
    [1_629_224, '1.6 MB'],
    [250_000_000, '250 MB'],
    [999_950_000, '1.0 GB']
  ])('%s bytes are %s', (bytes, shown) => {
    expect(size(bytes)).toBe(shown);
  });
});

describe('the badge', () => {
  it('prefers accuracy to loss, and what the user asked for to both', () => {
    const metrics = { loss: 0.5, Accuracy: 0.9, speed: 7 };
    expect(badge(metrics)).toEqual({ name: 'Accuracy', text: '0.900' });
    expect(badge(metrics, 'speed')).toEqual({ name: 'speed', text: '7' });
    expect(badge(metrics, 'absent')).toEqual({ name: 'Accuracy', text: '0.900' });
  });

  it('is absent without a number', () => {
    expect(badge({ note: 'good' })).toBeNull();
  });
});
