/** The plugins, one concern each, so that each can be switched off. */
import { commands } from './plugins/commands';
import { document } from './plugins/document';
import { filetype } from './plugins/filetype';
import { models } from './plugins/models';
import { sidebar } from './plugins/sidebar';

export { IModelTrees } from './tokens';
export default [models, sidebar, commands, filetype, document];
