import { ModelTrees } from '../trees';
import { RequestError } from '../types';
import { Backend, listed, tree } from './sample';

const many = (count: number): Backend => {
  const backend = new Backend();
  for (let place = 0; place < count; place++) {
    backend.put(tree(`m${place}.jrk.h5`, 1, ['prime']));
  }
  return backend;
};

test('a few models are unfolded at first, many are not and cost one question', async () => {
  const few = new ModelTrees(many(2));
  await few.refresh();
  expect(few.rows).toHaveLength(6);
  const backend = many(30);
  const lot = new ModelTrees(backend);
  await lot.refresh();
  expect(lot.rows).toHaveLength(30);
  expect(backend.asked).toEqual(['info', 'models']);
});

test('only a model that changed is read again, and its new iterations are fresh', async () => {
  const backend = many(2);
  const trees = new ModelTrees(backend);
  await trees.refresh();
  expect(trees.fresh.size).toBe(0);
  backend.asked = [];
  backend.put(tree('m1.jrk.h5', 2, ['prime', 'PT']));
  await trees.refresh();
  expect(backend.asked).toEqual(['models', 'tree m1.jrk.h5']);
  expect([...trees.fresh]).toEqual(['m1.jrk.h5\nmain\nPT']);
  expect(trees.rows.map(row => row.label)).toContain('PT');
});

test('unfolding a model asks for its tree', async () => {
  const backend = many(30);
  const trees = new ModelTrees(backend);
  await trees.refresh();
  trees.toggle('m7.jrk.h5');
  await trees.refresh();
  expect(backend.asked).toContain('tree m7.jrk.h5');
  expect(trees.rows).toHaveLength(32);
});

test('what was folded stays folded through commits', async () => {
  const backend = many(1);
  const trees = new ModelTrees(backend);
  await trees.refresh();
  trees.toggle('m0.jrk.h5\nmain');
  backend.put(tree('m0.jrk.h5', 2, ['prime', 'PT']));
  await trees.refresh();
  expect(trees.rows.map(row => row.label)).toEqual(['m0', 'main']);
  const later = new ModelTrees(backend);
  later.expansion = trees.expansion;
  await later.refresh();
  expect(later.rows.map(row => row.label)).toEqual(['m0', 'main']);
});

test('a failure keeps the last state, says why, and passes', async () => {
  const backend = many(1);
  const trees = new ModelTrees(backend);
  await trees.refresh();
  backend.fault = new RequestError(503, 'busy');
  await expect(trees.refresh()).rejects.toThrow('busy');
  expect(trees.rows).toHaveLength(3);
  expect(trees.failure).toEqual({ status: 503, message: 'busy' });
  backend.fault = null;
  await trees.refresh();
  expect(trees.failure).toBeNull();
});

test('one damaged model does not hide the others', async () => {
  const backend = many(1);
  backend.broken = [listed('bad.jrk.h5', null, 'its root does not match its checksum')];
  const trees = new ModelTrees(backend);
  await trees.refresh();
  expect(trees.models.map(model => model.error)).toEqual([
    null,
    'its root does not match its checksum'
  ]);
});

test('calls while one is under way share one more round', async () => {
  const backend = many(1);
  const trees = new ModelTrees(backend);
  await Promise.all([trees.refresh(), trees.refresh(), trees.refresh()]);
  expect(backend.asked.filter(question => question === 'models')).toHaveLength(2);
});

test('revealing a row unfolds all above it', async () => {
  const trees = new ModelTrees(many(30));
  await trees.refresh();
  trees.reveal('m3.jrk.h5\nmain');
  await trees.refresh();
  expect(trees.selectedRow?.label).toBe('main');
  expect(trees.isExpanded('m3.jrk.h5')).toBe(true);
});
