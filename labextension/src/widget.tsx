/** The panel as a widget of JupyterLab's, for the sidebar and for a model's own tab. */
import { Clipboard } from '@jupyterlab/apputils';
import {
  caretRightIcon,
  checkIcon,
  closeIcon,
  copyIcon,
  errorIcon,
  LabIcon,
  ReactWidget,
  refreshIcon,
  searchIcon
} from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import * as React from 'react';

import { Panel } from './components/Panel';
import { modelIcon, sealIcons, variantIcon } from './icons';
import { IModelTrees } from './tokens';
import { IIcons, ITranslate } from './types';

export class ModelPanel extends ReactWidget {
  constructor(
    private readonly models: IModelTrees,
    private readonly trans: ITranslate
  ) {
    super();
    this.addClass('jrk-ModelPanel');
  }

  protected render(): JSX.Element {
    return (
      <Panel
        trees={this.models.trees}
        icons={icons}
        trans={this.trans}
        copy={text => Clipboard.copyToSystem(text)}
      />
    );
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.models.setWatched(true);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.models.setWatched(false);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.models.setWatched(this.isVisible);
  }
}

const drawn = (icon: LabIcon): React.ComponentType =>
  function Icon(): JSX.Element {
    return <icon.react tag="span" className="jrk-Icon" />;
  };

const icons: IIcons = {
  model: drawn(modelIcon),
  variant: drawn(variantIcon),
  chevron: drawn(caretRightIcon),
  refresh: drawn(refreshIcon),
  search: drawn(searchIcon),
  copy: drawn(copyIcon),
  done: drawn(checkIcon),
  close: drawn(closeIcon),
  warning: drawn(errorIcon),
  seals: {
    trusted: drawn(sealIcons.trusted),
    unknown: drawn(sealIcons.unknown),
    bad: drawn(sealIcons.bad),
    unchecked: drawn(sealIcons.unchecked),
    unsigned: drawn(sealIcons.unsigned)
  }
};
