/** Everything known about the selected row. */
import * as React from 'react';

import { fullValue, longTime, size } from '../format';
import { pythonLines, switchLine } from '../lines';
import { IRow } from '../rows';
import { IIcons, IIteration, ITranslate, ITree, IVariant } from '../types';
import { CopyButton } from './CopyButton';

export interface IDetailsProps {
  row: IRow;
  icons: IIcons;
  trans: ITranslate;
  copy(text: string): void;
  onClose(): void;
}

export function Details(props: IDetailsProps): JSX.Element {
  const { row, icons, trans } = props;
  return (
    <section className="jrk-Details" aria-label={trans.__('Details of %1', row.label)}>
      <header className="jrk-Details-header">
        <h3 className="jrk-Details-title">
          {row.label}
          <span className="jrk-Details-kind">{kindOf(row, trans)}</span>
        </h3>
        <button
          type="button"
          className="jrk-IconButton"
          title={trans.__('Close the details')}
          aria-label={trans.__('Close the details')}
          onClick={props.onClose}
        >
          <icons.close />
        </button>
      </header>
      <div
        className="jrk-Details-body"
        tabIndex={0}
        role="group"
        aria-label={trans.__('Facts')}
      >
        <Facts {...props} />
      </div>
      {row.model.tree && <Buttons {...props} tree={row.model.tree} />}
    </section>
  );
}

function kindOf(row: IRow, trans: ITranslate): string {
  if (row.iteration) {
    return trans.__('iteration of %1', row.variant?.name ?? '');
  }
  return row.variant
    ? trans.__('variant of %1', row.model.listed.name)
    : trans.__('model');
}

function Facts(props: IDetailsProps): JSX.Element {
  const { iteration, variant, model } = props.row;
  if (iteration) {
    return <IterationFacts {...props} iteration={iteration} />;
  }
  return variant ? (
    <VariantFacts {...props} variant={variant} />
  ) : (
    <>
      {model.error && <p className="jrk-Details-error">{model.error}</p>}
      <ModelFacts {...props} />
    </>
  );
}

function IterationFacts(props: IDetailsProps & { iteration: IIteration }): JSX.Element {
  const { iteration, trans } = props;
  const metrics = Object.entries(iteration.metrics);
  return (
    <>
      {iteration.message && <p className="jrk-Details-message">{iteration.message}</p>}
      <dl className="jrk-Facts">
        {metrics.map(([name, value]) => (
          <Fact key={name} name={name} measure>
            {fullValue(value)}
          </Fact>
        ))}
        {iteration.signature && (
          <Fact name={trans.__('Signature')}>
            <span className="jrk-Details-signature">{iteration.signature.text}</span>
          </Fact>
        )}
        <TimeFact name={trans.__('Committed')} time={iteration.time} />
        <Fact name={trans.__('Layers')}>{iteration.layers}</Fact>
        <Fact name={trans.__('Size')}>
          <span title={trans.__('%1 bytes', iteration.bytes)}>
            {size(iteration.bytes)}
          </span>
        </Fact>
        <Fact name={trans.__('Id')}>
          <code className="jrk-Details-id" title={iteration.id}>
            {iteration.id}
          </code>
          <CopyButton {...props} text={iteration.id} label={trans.__('Copy the id')} />
        </Fact>
      </dl>
    </>
  );
}

function VariantFacts({
  variant,
  trans
}: IDetailsProps & { variant: IVariant }): JSX.Element {
  const from = variant.parent;
  return (
    <dl className="jrk-Facts">
      <TimeFact name={trans.__('Created')} time={variant.created} />
      {from && (
        <Fact name={trans.__('Derived from')}>
          {trans.__('%1 of %2', from.iteration, from.variant)}
        </Fact>
      )}
      <Fact name={trans.__('Iterations')}>{variant.iterations.length}</Fact>
    </dl>
  );
}

function ModelFacts(props: IDetailsProps): JSX.Element {
  const { trans, row } = props;
  const { listed, tree } = row.model;
  return (
    <dl className="jrk-Facts">
      <Fact name={trans.__('File')}>
        <span className="jrk-Details-path" title={listed.path}>
          {listed.path}
        </span>
        {tree && (
          <CopyButton
            {...props}
            text={tree.address}
            label={trans.__('Copy the address')}
          />
        )}
      </Fact>
      {tree && <Fact name={trans.__('In use')}>{tree.current}</Fact>}
      {tree && <Fact name={trans.__('Variants')}>{tree.variants.length}</Fact>}
      <Fact name={trans.__('Size')}>{size(listed.bytes)}</Fact>
      <TimeFact name={trans.__('Changed')} time={listed.modified} />
    </dl>
  );
}

function Buttons(props: IDetailsProps & { tree: ITree }): JSX.Element {
  const { row, tree, trans } = props;
  const python = pythonLines(tree, row.variant?.name, row.iteration?.name);
  return (
    <footer className="jrk-Details-buttons">
      <CopyButton
        {...props}
        text={python}
        label={trans.__('Copy Python to load it')}
        caption={trans.__('Python')}
      />
      {row.variant && (
        <CopyButton
          {...props}
          text={switchLine(tree, row.variant.name)}
          label={trans.__('Copy the line that switches to this variant')}
          caption="%jrk switch"
        />
      )}
    </footer>
  );
}

function Fact(props: {
  name: string;
  measure?: boolean;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div className={props.measure ? 'jrk-Fact jrk-mod-measure' : 'jrk-Fact'}>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** A moment in local time, the exact UTC below it. */
function TimeFact({ name, time }: { name: string; time: string }): JSX.Element {
  return (
    <Fact name={name}>
      <time dateTime={time} title={time}>
        {longTime(time)}
      </time>
    </Fact>
  );
}
