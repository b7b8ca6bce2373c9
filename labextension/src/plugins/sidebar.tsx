/** The sidebar with the version tree. */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
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

import { Panel } from '../components/Panel';
import { modelIcon, variantIcon } from '../icons';
import { IModelTrees, NAME, PANEL } from '../tokens';
import { IIcons, ITranslate } from '../types';

/** Below the file browser and the running kernels, above the table of contents. */
const RANK = 250;

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:sidebar`,
  description: 'The sidebar with the version tree of the models.',
  autoStart: true,
  requires: [IModelTrees],
  optional: [ILayoutRestorer, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    models: IModelTrees,
    restorer: ILayoutRestorer | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jairika_nb');
    const panel = new ModelPanel(models, trans);
    panel.id = PANEL;
    panel.title.icon = modelIcon;
    panel.title.caption = trans.__('Jairika models');
    panel.node.setAttribute('role', 'region');
    panel.node.setAttribute('aria-label', trans.__('Jairika models'));
    app.shell.add(panel, 'left', { rank: RANK, type: 'Jairika models' });
    restorer?.add(panel, PANEL);
  }
};

class ModelPanel extends ReactWidget {
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
  warning: drawn(errorIcon)
};
