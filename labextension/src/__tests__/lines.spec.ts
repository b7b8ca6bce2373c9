import { pythonLines, switchLine } from '../lines';
import { tree } from './sample';

const digits = tree('digits.jrk.h5', 1, ['prime']);

test('a switch line names the file and the variant', () => {
  expect(switchLine(digits, 'wide')).toBe(
    '%jrk switch file:///home/me/digits.jrk.h5 wide'
  );
});

test('a name with spaces or quotes is one word', () => {
  expect(switchLine(digits, 'very "wide"')).toMatch(/ "very \\"wide\\""$/);
});

test('python loads an iteration and opens what stands above one', () => {
  expect(pythonLines(digits, 'main', 'PT')).toBe(
    'import jairika_nb as jrk\n' +
      'net = jrk.open("file:///home/me/digits.jrk.h5")["main"]["PT"].load()'
  );
  expect(pythonLines(digits)).toMatch(/^model = jrk\.open\("[^"]+"\)$/m);
  expect(pythonLines(digits, 'main')).toMatch(
    /^variant = jrk\.open\("[^"]+"\)\["main"\]$/m
  );
});
