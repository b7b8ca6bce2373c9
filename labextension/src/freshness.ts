/** Keeps models up to date: by events, by asking now and then, after changes of files. */
import { Contents, Event, ServiceManager } from '@jupyterlab/services';
import { Poll } from '@lumino/polling';
import { IDisposable } from '@lumino/disposable';

import { IModelTrees, NAME } from './tokens';
import { ModelTrees } from './trees';

/** Id of the events that the server part emits. */
const EVENT = 'urn:jairika-nb:model-changed:v1';
/** Milliseconds between questions: events are the quick way, this one is for where they fail. */
const INTERVAL = 10_000;
const SLOWEST = 120_000;

export class Freshness implements IModelTrees, IDisposable {
  constructor(
    private readonly services: ServiceManager.IManager,
    readonly trees: ModelTrees
  ) {
    this._poll = new Poll({
      name: `${NAME}:models`,
      auto: false,
      factory: () => trees.refresh(),
      frequency: { interval: INTERVAL, backoff: true, max: SLOWEST },
      standby: () => (this._watched ? 'when-hidden' : true)
    });
    services.events.stream.connect(this._onEvent, this);
    services.contents.fileChanged.connect(this._onFile, this);
    document.addEventListener('visibilitychange', this._ask);
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this.services.events.stream.disconnect(this._onEvent, this);
    this.services.contents.fileChanged.disconnect(this._onFile, this);
    document.removeEventListener('visibilitychange', this._ask);
    this._poll.dispose();
  }

  refresh(): Promise<void> {
    return this._poll.refresh();
  }

  setWatched(watched: boolean): void {
    this._watched = watched;
    this._ask();
  }

  private _onEvent(_: unknown, event: Event.Emission): void {
    if (event.schema_id === EVENT) {
      this._ask();
    }
  }

  private _onFile(_: unknown, change: Contents.IChangedArgs): void {
    const path = change.newValue?.path ?? change.oldValue?.path ?? '';
    if (path.endsWith('.h5')) {
      this._ask();
    }
  }

  private _ask = (): void => {
    if (this._watched && !document.hidden && !this.isDisposed) {
      void this._poll.refresh();
    }
  };

  private _watched = false;
  private readonly _poll: Poll;
}
