/** A button that puts a text on the clipboard and says so. */
import * as React from 'react';

import { IIcons, ITranslate } from '../types';

/** Milliseconds for which the button says that it worked. */
const SAID = 1600;

export interface ICopyButtonProps {
  text: string;
  /** What is copied, as the button's name: "Copy the id". */
  label: string;
  /** Words on the button; an icon alone where absent. */
  caption?: string;
  icons: IIcons;
  trans: ITranslate;
  copy(text: string): void;
}

export function CopyButton(props: ICopyButtonProps): JSX.Element {
  const { icons, trans } = props;
  const [done, setDone] = React.useState(false);
  React.useEffect(() => {
    if (!done) {
      return;
    }
    const timer = setTimeout(() => setDone(false), SAID);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <button
      type="button"
      className={props.caption ? 'jrk-Button' : 'jrk-IconButton'}
      title={props.label}
      aria-label={done ? trans.__('Copied') : props.label}
      onClick={() => {
        props.copy(props.text);
        setDone(true);
      }}
    >
      {done ? <icons.done /> : <icons.copy />}
      {props.caption && <span>{done ? trans.__('Copied') : props.caption}</span>}
    </button>
  );
}
