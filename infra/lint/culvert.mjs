/** The rules of this project for oxlint. */
import { classLength } from './class-length.mjs';
import { dashboardTexts } from './dashboard-texts.mjs';
import { importDirection } from './import-direction.mjs';
import { outgoingHttp } from './outgoing-http.mjs';
import { privateMembers } from './private-members.mjs';
import { prose } from './prose.mjs';

export default {
  meta: { name: 'culvert' },
  rules: {
    'class-length': classLength,
    'dashboard-texts': dashboardTexts,
    'import-direction': importDirection,
    'outgoing-http': outgoingHttp,
    'private-members': privateMembers,
    prose,
  },
};
