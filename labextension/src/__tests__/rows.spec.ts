import { flatten, IModel, parentKey, rowKey } from '../rows';
import { listed, tree } from './sample';

const model = (path: string, names: string[]): IModel => ({
  listed: listed(path, 1),
  tree: tree(path, 1, names),
  error: null
});
const models = [model('a.jrk.h5', ['prime', 'PT']), model('b.jrk.h5', ['prime'])];
const labels = (rows: { label: string }[]): string[] => rows.map(row => row.label);

test('folded models show themselves alone', () => {
  expect(labels(flatten(models, () => false))).toEqual(['a', 'b']);
});

test('iterations come newest first, with their place among their kind', () => {
  const rows = flatten(models, () => true);
  expect(labels(rows)).toEqual(['a', 'main', 'PT', 'prime', 'b', 'main', 'prime']);
  expect(rows.map(row => [row.level, row.posinset, row.setsize])).toEqual([
    [1, 1, 2],
    [2, 1, 1],
    [3, 1, 2],
    [3, 2, 2],
    [1, 2, 2],
    [2, 1, 1],
    [3, 1, 1]
  ]);
});

test('keys are unique and lead to the row above', () => {
  const rows = flatten(models, () => true);
  expect(new Set(rows.map(row => row.key)).size).toBe(rows.length);
  expect(parentKey(rows[2].key)).toBe(rows[1].key);
  expect(parentKey(rows[1].key)).toBe(rowKey('a.jrk.h5'));
  expect(parentKey(rows[0].key)).toBeNull();
});

test('a filter unfolds what matches and leaves the rest out', () => {
  expect(labels(flatten(models, () => false, 'pt'))).toEqual(['a', 'main', 'PT']);
  expect(labels(flatten(models, () => false, 'B.jrk main'))).toEqual([
    'b',
    'main',
    'prime'
  ]);
  expect(flatten(models, () => true, 'nowhere')).toEqual([]);
});

test('a model that cannot be read is a row without a fold', () => {
  const broken = {
    listed: listed('c.jrk.h5', null, 'damaged'),
    tree: null,
    error: 'damaged'
  };
  expect(flatten([broken], () => true).map(row => row.expanded)).toEqual([null]);
});
