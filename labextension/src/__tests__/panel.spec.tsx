import '@testing-library/jest-dom';
import { act, fireEvent, render, screen, within } from '@testing-library/react';
import * as React from 'react';

import { Panel } from '../components/Panel';
import { ModelTrees } from '../trees';
import { IIteration, ISignature, RequestError } from '../types';
import { Backend, icons, iteration, trans, tree } from './sample';

const copied: string[] = [];

async function shown(backend: Backend): Promise<ModelTrees> {
  const trees = new ModelTrees(backend);
  copied.length = 0;
  render(
    <Panel trees={trees} icons={icons} trans={trans} copy={text => copied.push(text)} />
  );
  await act(async () => {
    await trees.refresh().catch(() => undefined);
  });
  return trees;
}

const digits = (): Backend =>
  new Backend().put(tree('digits.jrk.h5', 1, ['prime', 'PT']));
const labels = (): string[] =>
  screen
    .getAllByRole('treeitem')
    .map(row => row.querySelector('.jrk-Row-label')!.textContent!);
const focused = (): string =>
  document.activeElement?.querySelector('.jrk-Row-label')?.textContent ?? '';
const press = (key: string): boolean =>
  fireEvent.keyDown(document.activeElement!, { key });

test('rows tell their level, place and fold to assistive technology', async () => {
  await shown(digits());
  const rows = within(screen.getByRole('tree')).getAllByRole('treeitem');
  expect(rows).toHaveLength(4);
  expect(rows[0]).toHaveAttribute('aria-expanded', 'true');
  expect(rows[2]).toHaveAttribute('aria-level', '3');
  expect(rows[2]).toHaveAttribute('aria-posinset', '1');
  expect(rows[2]).toHaveAttribute('aria-setsize', '2');
  expect(rows[2]).not.toHaveAttribute('aria-expanded');
  expect(rows.filter(row => row.tabIndex === 0)).toHaveLength(1);
});

test('the variant in use is marked, and the exact time is in the tooltip', async () => {
  await shown(digits());
  expect(screen.getByText('in use').closest('[role=treeitem]')).toHaveTextContent('main');
  expect(screen.getAllByRole('treeitem')[2].title).toContain('2023-10-05T14:23:45Z');
});

test('keys walk, fold and select', async () => {
  const trees = await shown(digits());
  screen.getAllByRole('treeitem')[0].focus();
  press('ArrowDown');
  expect(focused()).toBe('main');
  press('End');
  expect(focused()).toBe('prime');
  press('ArrowLeft');
  expect(focused()).toBe('main');
  press('ArrowLeft');
  expect(labels()).toEqual(['digits', 'main']);
  press('ArrowRight');
  press('ArrowRight');
  expect(focused()).toBe('PT');
  press('Enter');
  expect(trees.selected).toBe('digits.jrk.h5\nmain\nPT');
  press('Escape');
  expect(trees.selected).toBeNull();
  press('Home');
  expect(focused()).toBe('digits');
  press('p');
  expect(focused()).toBe('PT');
  press('r');
  expect(focused()).toBe('prime');
});

test('selecting an iteration shows its facts, and copies its id', async () => {
  const backend = new Backend();
  const made = tree('digits.jrk.h5', 1, []);
  made.variants[0].iterations = [
    iteration('PT', { message: 'four epochs', metrics: { accuracy: 0.97114 } })
  ];
  await shown(backend.put(made));
  fireEvent.click(screen.getByText('PT'));
  const details = screen.getByRole('region', { name: 'Details of PT' });
  expect(details).toHaveTextContent('four epochs');
  expect(details).toHaveTextContent('accuracy0.97114');
  expect(details).toHaveTextContent('Size1.5 KB');
  fireEvent.click(within(details).getByRole('button', { name: 'Copy the id' }));
  fireEvent.click(
    within(details).getByRole('button', { name: 'Copy Python to load it' })
  );
  expect(copied[0]).toBe('id-of-PT');
  expect(copied[1]).toContain('["main"]["PT"].load()');
  fireEvent.click(within(details).getByRole('button', { name: 'Close the details' }));
  expect(screen.queryByRole('region', { name: 'Details of PT' })).toBeNull();
});

const signed = (state: ISignature['state'], text: string): Partial<IIteration> => ({
  signature: { state, by: 'alice', text }
});

test('signatures are told in each row, in its tooltip and in the details', async () => {
  const backend = new Backend();
  const made = tree('digits.jrk.h5', 1, []);
  made.variants[0].iterations = [
    iteration('prime', signed('unsigned', 'unsigned')),
    iteration('theirs', signed('unknown', 'signed by unknown key SHA256:abc')),
    iteration('forged', signed('bad', 'bad signature of alice')),
    iteration('PT', signed('trusted', 'signed by alice'))
  ];
  await shown(backend.put(made));
  const seals = screen
    .getAllByRole('treeitem')
    .slice(2)
    .map(row => within(row).getByRole('img'));
  expect(seals.map(seal => seal.getAttribute('aria-label'))).toEqual([
    'signed by alice',
    'bad signature of alice',
    'signed by unknown key SHA256:abc',
    'unsigned'
  ]);
  expect(seals[0]).toHaveClass('jrk-mod-trusted');
  expect(seals[0].title).toBe('signed by alice');
  expect(screen.getAllByRole('treeitem')[2].title).toContain('signed by alice');
  fireEvent.click(screen.getByText('theirs'));
  expect(screen.getByRole('region')).toHaveTextContent(
    'Signaturesigned by unknown key SHA256:abc'
  );
});

test('where nothing is signed, nothing is said of signatures', async () => {
  await shown(digits());
  expect(screen.queryAllByRole('img')).toEqual([]);
  fireEvent.click(screen.getByText('PT'));
  expect(screen.getByRole('region')).not.toHaveTextContent('Signature');
});

test('a state that a newer server part tells of is shown as not checked', async () => {
  const backend = new Backend();
  const made = tree('digits.jrk.h5', 1, []);
  const odd = signed('sworn' as ISignature['state'], 'sworn by alice');
  made.variants[0].iterations = [iteration('PT', odd)];
  await shown(backend.put(made));
  expect(screen.getByRole('img', { name: 'sworn by alice' })).toBeVisible();
});

test('a commit made elsewhere appears and is announced, and is old after a while', async () => {
  jest.useFakeTimers();
  const backend = digits();
  const trees = await shown(backend);
  backend.put(tree('digits.jrk.h5', 2, ['prime', 'PT', 'PT-2']));
  await act(() => trees.refresh());
  expect(labels()).toEqual(['digits', 'main', 'PT-2', 'PT', 'prime']);
  expect(screen.getByText('New: PT-2 of main')).toHaveAttribute('aria-live', 'polite');
  expect(trees.fresh.size).toBe(1);
  act(() => {
    jest.advanceTimersByTime(10_000);
  });
  expect(trees.fresh.size).toBe(0);
  jest.useRealTimers();
});

test('of thousands of iterations only those in sight are in the document', async () => {
  const names = Array.from({ length: 20_000 }, (_, place) => `step-${place}`);
  await shown(new Backend().put(tree('long.jrk.h5', 1, names)));
  screen.getAllByRole('treeitem')[0].focus();
  expect(labels().length).toBeLessThan(60);
  press('End');
  expect(focused()).toBe('step-0');
  expect(labels().length).toBeLessThan(60);
});

test('without models the panel says what to type', async () => {
  await shown(new Backend());
  expect(screen.getByText(/%jrk init my\.jrk\.h5/)).toBeVisible();
});

test('a filter without a match says so', async () => {
  await shown(digits());
  await act(async () => {
    fireEvent.change(screen.getByRole('searchbox'), { target: { value: 'nowhere' } });
  });
  expect(screen.getByRole('status')).toHaveTextContent('Nothing matches “nowhere”.');
});

test('a missing server part says what to run, and trying again helps', async () => {
  const backend = digits();
  backend.fault = new RequestError(404, 'Not Found');
  await shown(backend);
  expect(screen.getByRole('alert')).toHaveTextContent('jupyter server extension list');
  backend.fault = null;
  await act(async () => {
    fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  });
  expect(labels()).toEqual(['digits', 'main', 'PT', 'prime']);
});

test('a server part of another version warns and still shows the tree', async () => {
  const backend = digits();
  backend.version = '9.9.9';
  await shown(backend);
  expect(screen.getByRole('status')).toHaveTextContent('server part 9.9.9');
  expect(labels()).toContain('digits');
});
