/** One row of the tree. */
import * as React from 'react';

import { badge, fullValue, longTime, shortTime } from '../format';
import { IRow } from '../rows';
import { IIcons, ISignature, ITranslate } from '../types';

export interface IRowProps {
  row: IRow;
  top: number;
  height: number;
  active: boolean;
  selected: boolean;
  fresh: boolean;
  metric: string;
  icons: IIcons;
  trans: ITranslate;
  onPick(row: IRow): void;
  onToggle(row: IRow): void;
  onMenu(row: IRow): void;
}

export function Row(props: IRowProps): JSX.Element {
  const { row, icons } = props;
  const names = ['jrk-Row', `jrk-mod-${row.kind}`];
  if (props.selected) {
    names.push('jrk-mod-selected');
  }
  if (props.fresh) {
    names.push('jrk-mod-fresh');
  }
  if (row.model.error !== null && row.kind === 'model') {
    names.push('jrk-mod-broken');
  }
  return (
    <div
      role="treeitem"
      className={names.join(' ')}
      style={{ top: props.top, height: props.height }}
      tabIndex={props.active ? 0 : -1}
      data-key={row.key}
      data-kind={row.kind}
      aria-level={row.level}
      aria-posinset={row.posinset}
      aria-setsize={row.setsize}
      aria-expanded={row.expanded ?? undefined}
      aria-selected={props.selected}
      title={tooltip(row, props.trans)}
      onClick={() => props.onPick(row)}
      onContextMenu={() => props.onMenu(row)}
    >
      <span
        className="jrk-Row-chevron"
        aria-hidden="true"
        onClick={event => {
          event.stopPropagation();
          props.onToggle(row);
        }}
      >
        {row.expanded !== null && <icons.chevron />}
      </span>
      {row.kind === 'iteration' ? <Lane row={row} /> : <Mark row={row} icons={icons} />}
      <span className="jrk-Row-label">{row.label}</span>
      <Trailing {...props} />
    </div>
  );
}

/** The dot of an iteration on its variant's line, newest on top. */
function Lane({ row }: { row: IRow }): JSX.Element {
  const names = ['jrk-Row-lane'];
  if (row.posinset === 1) {
    names.push('jrk-mod-first');
  }
  if (row.posinset === row.setsize) {
    names.push('jrk-mod-last');
  }
  return (
    <span className={names.join(' ')} aria-hidden="true">
      <span className="jrk-Row-dot" />
    </span>
  );
}

function Mark({ row, icons }: { row: IRow; icons: IIcons }): JSX.Element {
  const Icon =
    row.kind === 'variant'
      ? icons.variant
      : row.model.error
        ? icons.warning
        : icons.model;
  return (
    <span className="jrk-Row-icon" aria-hidden="true">
      <Icon />
    </span>
  );
}

/** Whether the iteration is signed, and by whom; nothing in models where none is. */
function Seal({
  signature,
  icons
}: {
  signature: ISignature;
  icons: IIcons;
}): JSX.Element {
  const Icon = icons.seals[signature.state] ?? icons.seals.unchecked;
  return (
    <span
      className={`jrk-Row-seal jrk-mod-${signature.state}`}
      role="img"
      aria-label={signature.text}
      title={signature.text}
    >
      <Icon />
    </span>
  );
}

function Trailing({ row, metric, icons, trans }: IRowProps): JSX.Element {
  if (row.iteration) {
    const shown = badge(row.iteration.metrics, metric);
    const { signature } = row.iteration;
    return (
      <>
        {shown && (
          <span className="jrk-Row-badge" aria-label={`${shown.name} ${shown.text}`}>
            {shown.text}
          </span>
        )}
        {signature && <Seal signature={signature} icons={icons} />}
        <time className="jrk-Row-time" dateTime={row.iteration.time}>
          {shortTime(row.iteration.time)}
        </time>
      </>
    );
  }
  if (row.variant) {
    const count = row.variant.iterations.length;
    return (
      <>
        {row.model.tree?.current === row.variant.name && (
          <span className="jrk-Row-current">{trans.__('in use')}</span>
        )}
        <span className="jrk-Row-count" aria-label={trans.__('%1 iterations', count)}>
          {count}
        </span>
      </>
    );
  }
  return <span className="jrk-Row-folder">{folder(row.model.listed.path)}</span>;
}

function folder(path: string): string {
  const end = path.lastIndexOf('/');
  return end < 0 ? '' : path.slice(0, end);
}

/** What does not fit into the row, the exact time in UTC with it. */
export function tooltip(row: IRow, trans: ITranslate): string {
  const { model, variant, iteration } = row;
  if (iteration) {
    const measures = Object.entries(iteration.metrics).map(
      ([name, value]) => `${name} ${fullValue(value)}`
    );
    return [
      iteration.name,
      iteration.message,
      measures.join(', '),
      iteration.signature?.text ?? '',
      longTime(iteration.time),
      iteration.time
    ]
      .filter(Boolean)
      .join('\n');
  }
  if (variant) {
    const from = variant.parent;
    return [
      variant.name,
      from ? trans.__('derived from %1 of %2', from.iteration, from.variant) : '',
      trans.__('created %1', longTime(variant.created)),
      variant.created
    ]
      .filter(Boolean)
      .join('\n');
  }
  return model.error ? `${model.listed.path}\n${model.error}` : model.listed.path;
}
