/** What stands in for the tree, or above it: nothing here yet, no answer, versions that differ. */
import * as React from 'react';

import { IFailure } from '../trees';
import { IIcons, ITranslate } from '../types';
import { CopyButton } from './CopyButton';

interface INoticeProps {
  icons: IIcons;
  trans: ITranslate;
  copy(text: string): void;
}

/** No models: what to type to get one. */
export function Empty(props: INoticeProps): JSX.Element {
  const { icons, trans } = props;
  return (
    <div className="jrk-Notice">
      <span className="jrk-Notice-icon" aria-hidden="true">
        <icons.model />
      </span>
      <h3 className="jrk-Notice-title">{trans.__('No models yet')}</h3>
      <p>{trans.__('Make one in a notebook:')}</p>
      <Line {...props} text={'%load_ext jairika_nb\n%jrk init my.jrk.h5'} />
      <p className="jrk-Notice-hint">
        {trans.__('Model files in this folder tree show up here by themselves.')}
      </p>
    </div>
  );
}

/** No answer: what to run to find out why. */
export function Failed(
  props: INoticeProps & { failure: IFailure; onRetry(): void }
): JSX.Element {
  const { icons, trans, failure } = props;
  return (
    <div className="jrk-Notice" role="alert">
      <span className="jrk-Notice-icon jrk-mod-warning" aria-hidden="true">
        <icons.warning />
      </span>
      <h3 className="jrk-Notice-title">{title(failure, trans)}</h3>
      {failure.status === 404 && (
        <>
          <p>
            {trans.__('Its server part is not loaded. In a terminal, this says why:')}
          </p>
          <Line {...props} text="jupyter server extension list" />
          <p>
            {trans.__('and this turns it on, after which Jupyter must be started again:')}
          </p>
          <Line {...props} text="jupyter server extension enable jairika_nb" />
        </>
      )}
      {failure.status !== 404 && <p className="jrk-Notice-hint">{failure.message}</p>}
      <button type="button" className="jrk-Button" onClick={props.onRetry}>
        <icons.refresh />
        <span>{trans.__('Try again')}</span>
      </button>
    </div>
  );
}

function title(failure: IFailure, trans: ITranslate): string {
  switch (failure.status) {
    case 0:
      return trans.__('The Jupyter server does not answer');
    case 401:
    case 403:
      return trans.__('You may not read models here');
    case 404:
      return trans.__('jairika_nb is not on this server');
    default:
      return trans.__('The models could not be listed');
  }
}

/** One line above the tree that something is off, while the tree stays usable. */
export function Warning(props: {
  icons: IIcons;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div className="jrk-Warning" role="status">
      <props.icons.warning />
      <span>{props.children}</span>
    </div>
  );
}

/** A line to run, with a button that copies it. */
function Line(props: INoticeProps & { text: string }): JSX.Element {
  return (
    <div className="jrk-Line">
      <pre>{props.text}</pre>
      <CopyButton {...props} label={props.trans.__('Copy')} />
    </div>
  );
}
