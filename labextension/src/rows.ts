/** The version trees as the flat list of rows that is on screen. */
import { IIteration, IListed, ITree, IVariant, Kind } from './types';

/** A model of the listing with its tree, once that was asked for. */
export interface IModel {
  listed: IListed;
  tree: ITree | null;
  /** Why there is no tree, or only an old one. */
  error: string | null;
}

export interface IRow {
  key: string;
  kind: Kind;
  label: string;
  /** 1 for models, 2 for variants, 3 for iterations. */
  level: number;
  /** `null` where there is nothing to unfold. */
  expanded: boolean | null;
  posinset: number;
  setsize: number;
  model: IModel;
  variant?: IVariant;
  iteration?: IIteration;
}

/** Keys join names by a character that the store refuses in them. */
const SEPARATOR = '\n';

export function rowKey(path: string, variant?: string, iteration?: string): string {
  return [path, variant, iteration].filter(part => part !== undefined).join(SEPARATOR);
}

/** The key of the row that holds this one, or `null` for a model. */
export function parentKey(key: string): string | null {
  const end = key.lastIndexOf(SEPARATOR);
  return end < 0 ? null : key.slice(0, end);
}

/** Whether each word of a filter is found in one of the texts. */
export function matches(words: string[], texts: string[]): boolean {
  const all = texts.join(SEPARATOR).toLowerCase();
  return words.every(word => all.includes(word));
}

/** The words of a filter box. */
export function wordsOf(filter: string): string[] {
  return filter.toLowerCase().split(/\s+/).filter(Boolean);
}

/**
 * The visible rows. A filter unfolds everything and keeps rows that it matches, with those above
 * them; what matches by a parent's name keeps all its children. Newest iterations come first.
 */
export function flatten(
  models: IModel[],
  isExpanded: (key: string) => boolean,
  filter = ''
): IRow[] {
  const words = wordsOf(filter);
  const kept = models
    .map(model => ({ model, variants: variantsOf(model, words) }))
    .filter(({ model, variants }) => variants.length > 0 || selfMatches(model, words));
  return kept.flatMap(({ model, variants }, index) => {
    const key = rowKey(model.listed.path);
    const open = words.length > 0 || isExpanded(key);
    const row: IRow = {
      key,
      kind: 'model',
      label: model.listed.name,
      level: 1,
      expanded: model.tree === null && model.error !== null ? null : open,
      posinset: index + 1,
      setsize: kept.length,
      model
    };
    return open ? [row, ...variantRows(model, variants, isExpanded, words)] : [row];
  });
}

type Kept = { variant: IVariant; iterations: IIteration[] };

function selfMatches(model: IModel, words: string[]): boolean {
  return matches(words, [model.listed.path]);
}

function variantsOf(model: IModel, words: string[]): Kept[] {
  const { path } = model.listed;
  return (model.tree?.variants ?? [])
    .map(variant => ({
      variant,
      iterations: variant.iterations
        .filter(each => matches(words, [path, variant.name, ...textsOf(each)]))
        .reverse()
    }))
    .filter(
      each => each.iterations.length > 0 || matches(words, [path, each.variant.name])
    );
}

function textsOf(iteration: IIteration): string[] {
  return [
    iteration.name,
    iteration.message,
    iteration.id,
    ...Object.keys(iteration.metrics)
  ];
}

function variantRows(
  model: IModel,
  variants: Kept[],
  isExpanded: (key: string) => boolean,
  words: string[]
): IRow[] {
  return variants.flatMap(({ variant, iterations }, index) => {
    const key = rowKey(model.listed.path, variant.name);
    const open = words.length > 0 || isExpanded(key);
    const row: IRow = {
      key,
      kind: 'variant',
      label: variant.name,
      level: 2,
      expanded: iterations.length === 0 ? null : open,
      posinset: index + 1,
      setsize: variants.length,
      model,
      variant
    };
    if (!open) {
      return [row];
    }
    const below = iterations.map((iteration, place): IRow => ({
      key: rowKey(model.listed.path, variant.name, iteration.name),
      kind: 'iteration',
      label: iteration.name,
      level: 3,
      expanded: null,
      posinset: place + 1,
      setsize: iterations.length,
      model,
      variant,
      iteration
    }));
    return [row, ...below];
  });
}
