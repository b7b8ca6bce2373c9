/** The sidebar with the version tree. */
import {
  ILayoutRestorer,
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { modelIcon } from '../icons';
import { IModelTrees, NAME, PANEL } from '../tokens';
import { ModelPanel } from '../widget';

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
