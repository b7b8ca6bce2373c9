/** The sidebar's content: filter, tree, details, and what to do where there is no tree. */
import * as React from 'react';

import { ModelTrees } from '../trees';
import { IIcons, ITranslate } from '../types';
import { VERSION } from '../version';
import { Details } from './Details';
import { Empty, Failed, Warning } from './Notice';
import { Tree } from './Tree';
import { useTrees } from './useTrees';

/** Milliseconds for which an iteration that arrived stands out. */
const FRESH = 4_000;

/** The shape of the server's answers that this sidebar reads. */
export const API = 1;

export interface IPanelProps {
  trees: ModelTrees;
  icons: IIcons;
  trans: ITranslate;
  copy(text: string): void;
}

export function Panel(props: IPanelProps): JSX.Element {
  const { trees } = props;
  useTrees(trees);
  useForgetting(trees);
  const selected = trees.selectedRow;
  return (
    <div className="jrk-Panel">
      <Header {...props} />
      <Warnings {...props} />
      <Content {...props} />
      {selected && (
        <Details {...props} row={selected} onClose={() => trees.select(null)} />
      )}
      <Announcer {...props} />
    </div>
  );
}

/** Rows light up once, and not again when they are scrolled back into sight. */
function useForgetting(trees: ModelTrees): void {
  const { fresh } = trees;
  React.useEffect(() => {
    if (fresh.size === 0) {
      return;
    }
    const timer = setTimeout(() => trees.forgetFresh(), FRESH);
    return () => clearTimeout(timer);
  }, [trees, fresh]);
}

function retry(trees: ModelTrees): void {
  // The failure is shown by the panel, which reads it from `trees`.
  trees.refresh().catch(() => undefined);
}

function Header({ trees, icons, trans }: IPanelProps): JSX.Element {
  return (
    <div className="jrk-Header">
      <div className="jrk-Filter">
        <icons.search />
        <input
          type="search"
          className="jrk-Filter-input"
          placeholder={trans.__('Filter')}
          aria-label={trans.__('Filter models, variants and iterations')}
          spellCheck={false}
          value={trees.filter}
          onChange={event => trees.setFilter(event.target.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && trees.filter !== '') {
              event.stopPropagation();
              trees.setFilter('');
            }
          }}
        />
      </div>
      <button
        type="button"
        className="jrk-IconButton"
        title={trans.__('Refresh')}
        aria-label={trans.__('Refresh the models')}
        onClick={() => retry(trees)}
      >
        <icons.refresh />
      </button>
    </div>
  );
}

function Warnings({ trees, icons, trans }: IPanelProps): JSX.Element {
  const { server, failure, loaded, truncated } = trees;
  const differs = server !== null && (server.api !== API || server.version !== VERSION);
  return (
    <>
      {differs && (
        <Warning icons={icons}>
          {trans.__(
            'Sidebar %1, server part %2. Reload this page; if that does not help, install one version of jairika-nb and start Jupyter again.',
            VERSION,
            server.version
          )}
        </Warning>
      )}
      {failure !== null && loaded && (
        <Warning icons={icons}>{trans.__('Not up to date: %1', failure.message)}</Warning>
      )}
      {truncated && (
        <Warning icons={icons}>
          {trans.__(
            'Many files here: not all were looked at, some models may be missing.'
          )}
        </Warning>
      )}
    </>
  );
}

function Content(props: IPanelProps): JSX.Element {
  const { trees, trans } = props;
  if (!trees.loaded) {
    return trees.failure ? (
      <Failed {...props} failure={trees.failure} onRetry={() => retry(trees)} />
    ) : (
      <p className="jrk-Loading" role="status">
        {trans.__('Looking for models…')}
      </p>
    );
  }
  if (trees.models.length === 0) {
    return <Empty {...props} />;
  }
  if (trees.rows.length === 0) {
    return (
      <p className="jrk-Loading" role="status">
        {trans.__('Nothing matches “%1”.', trees.filter)}
      </p>
    );
  }
  return <Tree {...props} />;
}

/** Tells screen readers of new iterations, which others see light up. */
function Announcer({ trees, trans }: IPanelProps): JSX.Element {
  const names = [...trees.fresh].map(key => key.split('\n').slice(1).reverse());
  return (
    <div className="jrk-Announcer" aria-live="polite">
      {names
        .map(([iteration, variant]) => trans.__('New: %1 of %2', iteration, variant))
        .join(', ')}
    </div>
  );
}
