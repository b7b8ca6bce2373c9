/** The models that the sidebar shows: asked for, kept, and announced when they change. */
import { ISignal, Signal } from '@lumino/signaling';

import { flatten, IModel, IRow, parentKey, rowKey } from './rows';
import { IBackend, IInfo, IListed, ITree, IVariant, RequestError } from './types';

/** Up to so many models are unfolded when first seen, and so many iterations of a variant. */
const OPEN_MODELS = 8;
const OPEN_ITERATIONS = 20;

export interface IFailure {
  status: number;
  message: string;
}

export class ModelTrees {
  constructor(private readonly backend: IBackend) {}

  models: IModel[] = [];
  /** Whether a listing was ever received. */
  loaded = false;
  truncated = false;
  failure: IFailure | null = null;
  server: IInfo | null = null;
  filter = '';
  /** The iterations that arrived while somebody looked, by key. */
  fresh: ReadonlySet<string> = new Set();
  /** Name of the measure to show in rows, '' for the most telling one. */
  metric = '';

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get selected(): string | null {
    return this._selected;
  }

  /** The rows on screen, top to bottom. */
  get rows(): IRow[] {
    return (this._rows ??= flatten(
      this.models,
      key => this.isExpanded(key),
      this.filter
    ));
  }

  /** The selected row, also where its parent is folded or the filter hides it. */
  get selectedRow(): IRow | null {
    const key = this._selected;
    if (key === null) {
      return null;
    }
    return flatten(this.models, () => true).find(row => row.key === key) ?? null;
  }

  /** What is folded and unfolded, for keeping between visits. */
  get expansion(): Record<string, boolean> {
    return Object.fromEntries(this._expanded);
  }

  set expansion(kept: Record<string, boolean>) {
    for (const [key, open] of Object.entries(kept)) {
      if (typeof open === 'boolean') {
        this._expanded.set(key, open);
      }
    }
    this._announce();
  }

  isExpanded(key: string): boolean {
    return this._expanded.get(key) ?? false;
  }

  toggle(key: string, open = !this.isExpanded(key)): void {
    this._expanded.set(key, open);
    this._announce();
    if (open && parentKey(key) === null) {
      void this.refresh().catch(() => undefined);
    }
  }

  select(key: string | null): void {
    this._selected = key;
    this._announce();
  }

  /** Unfold down to a row and select it. */
  reveal(key: string): void {
    for (let above = parentKey(key); above !== null; above = parentKey(above)) {
      this._expanded.set(above, true);
    }
    this._expanded.set(key, true);
    this.select(key);
  }

  /** What has just arrived was seen by now. */
  forgetFresh(): void {
    this.fresh = new Set();
    this._announce();
  }

  setFilter(text: string): void {
    this.filter = text;
    this._announce();
    if (text !== '') {
      void this.refresh().catch(() => undefined);
    }
  }

  setMetric(name: string): void {
    this.metric = name;
    this._announce();
  }

  /**
   * Ask for the listing and for the trees that are open and changed. Calls meanwhile share one
   * more round. Rejects, after noting it, where the server does not answer.
   */
  refresh(): Promise<void> {
    if (this._running !== null) {
      return (this._next ??= this._running
        .catch(() => undefined)
        .then(() => {
          this._next = null;
          return this.refresh();
        }));
    }
    this._running = this._ask().finally(() => {
      this._running = null;
    });
    return this._running;
  }

  private async _ask(): Promise<void> {
    try {
      this.server ??= await this.backend.info();
      const listing = await this.backend.models();
      const known = new Map(this.models.map(model => [model.listed.path, model]));
      this._openFirst(listing.models, known);
      this.truncated = listing.truncated;
      this.models = await Promise.all(
        listing.models.map(listed => this._model(listed, known.get(listed.path)))
      );
      this.loaded = true;
      this.failure = null;
      this._announce();
    } catch (reason) {
      const status = reason instanceof RequestError ? reason.status : 0;
      this.failure = { status, message: (reason as Error).message };
      // A server that comes back may be another version.
      this.server = null;
      this._announce();
      throw reason;
    }
  }

  private _openFirst(listed: IListed[], known: Map<string, IModel>): void {
    for (const { path } of listed) {
      if (!known.has(path) && !this._expanded.has(path)) {
        this._expanded.set(path, listed.length <= OPEN_MODELS);
      }
    }
  }

  private async _model(listed: IListed, before: IModel | undefined): Promise<IModel> {
    const tree = before?.tree ?? null;
    const wanted =
      this.isExpanded(rowKey(listed.path)) || this.filter !== '' || tree !== null;
    if (listed.generation === null) {
      return { listed, tree, error: listed.error ?? '' };
    }
    if (!wanted || (tree !== null && tree.generation === listed.generation)) {
      return { listed, tree, error: null };
    }
    try {
      return {
        listed,
        tree: this._arrived(await this.backend.tree(listed.path), tree),
        error: null
      };
    } catch (reason) {
      if (reason instanceof RequestError && reason.status >= 400) {
        return { listed, tree, error: reason.message };
      }
      throw reason;
    }
  }

  /** Note which iterations are new, and unfold what has not been seen before. */
  private _arrived(now: ITree, before: ITree | null): ITree {
    for (const variant of now.variants) {
      const key = rowKey(now.path, variant.name);
      if (!this._expanded.has(key)) {
        const few = variant.iterations.length <= OPEN_ITERATIONS;
        this._expanded.set(key, few || variant.name === now.current);
      }
    }
    if (before !== null) {
      this.fresh = new Set(newIterations(now, before));
    }
    return now;
  }

  private _announce(): void {
    this._rows = null;
    this._changed.emit();
  }

  private _changed = new Signal<this, void>(this);
  private _expanded = new Map<string, boolean>();
  private _selected: string | null = null;
  private _rows: IRow[] | null = null;
  private _running: Promise<void> | null = null;
  private _next: Promise<void> | null = null;
}

/** The keys of iterations that one state of a model has and an earlier one lacks. */
export function newIterations(now: ITree, before: ITree): string[] {
  const old = new Set(before.variants.flatMap(variant => keysOf(before, variant)));
  return now.variants
    .flatMap(variant => keysOf(now, variant))
    .filter(key => !old.has(key));
}

function keysOf(tree: ITree, variant: IVariant): string[] {
  return variant.iterations.map(each => rowKey(tree.path, variant.name, each.name));
}
