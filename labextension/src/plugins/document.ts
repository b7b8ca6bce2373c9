/** Opens a model on double-click as a tab with its tree, never as bytes. */
import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import {
  ABCWidgetFactory,
  DocumentRegistry,
  DocumentWidget
} from '@jupyterlab/docregistry';
import { Contents, IDefaultDrive } from '@jupyterlab/services';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { OneModel, ServerBackend } from '../backend';
import { Freshness } from '../freshness';
import { modelIcon } from '../icons';
import { NAME } from '../tokens';
import { ModelTrees } from '../trees';
import { ITranslate } from '../types';
import { ModelPanel } from '../widget';
import { FILE_TYPE } from './filetype';

const PROVIDER = `${NAME}:no-bytes`;

export const document: JupyterFrontEndPlugin<void> = {
  id: `${NAME}:document`,
  description: 'A tab with the version tree of one model.',
  autoStart: true,
  optional: [IDefaultDrive, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    drive: Contents.IDrive | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jairika_nb');
    const providers = drive?.contentProviderRegistry;
    if (!drive || !providers) {
      // Without it Lab would download the whole file to open it; the sidebar shows it as well.
      console.warn(`${NAME}: this JupyterLab cannot open model files as tabs.`);
      return;
    }
    providers.register(PROVIDER, new NoBytes(drive));
    app.docRegistry.addWidgetFactory(
      new ModelFactory(
        {
          name: 'Jairika model',
          label: trans.__('Jairika model'),
          fileTypes: [FILE_TYPE],
          defaultFor: [FILE_TYPE],
          modelName: 'text',
          readOnly: true,
          contentProviderId: PROVIDER
        },
        app,
        trans
      )
    );
  }
};

/**
 * Says of a file what the file browser knows, without its bytes: the tree comes from the server
 * part. Not writable, or Lab would copy the file for a checkpoint; no hash, or the server would
 * read it all to make one.
 */
class NoBytes {
  constructor(private readonly drive: Contents.IDrive) {}

  async get(path: string): Promise<Contents.IModel> {
    const known = await this.drive.get(path, { content: false, hash: false });
    return { ...known, content: '', format: 'text', writable: false };
  }

  save(path: string): Promise<Contents.IModel> {
    return Promise.reject(new Error(`${path} is written by jairika_nb alone`));
  }
}

class ModelFactory extends ABCWidgetFactory<DocumentWidget<ModelPanel>> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions,
    private readonly app: JupyterFrontEnd,
    private readonly trans: ITranslate
  ) {
    super(options);
  }

  protected createNewWidget(
    context: DocumentRegistry.Context
  ): DocumentWidget<ModelPanel> {
    const { serviceManager } = this.app;
    const backend = new OneModel(new ServerBackend(serviceManager.serverSettings), () =>
      serviceManager.contents.localPath(context.path)
    );
    const models = new Freshness(serviceManager, new ModelTrees(backend));
    const content = new ModelPanel(models, this.trans);
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = modelIcon;
    // All that it would say is that Lab cannot save the file.
    widget.toolbar.hide();
    widget.disposed.connect(() => models.dispose());
    return widget;
  }
}
