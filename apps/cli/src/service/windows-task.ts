/** Tasks of the Windows Task Scheduler, which start at log-on and start again after a failure. */
import { join } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { MARK, type ServiceDefinition, type ServiceManager } from './definition.js';
import { xmlText } from './xml-text.js';

const MAX_RESTARTS = 999;

/** @param directory folder of the definitions, from which tasks are made */
export function windowsTasks(directory: string): ServiceManager {
  const fileOf = (id: string): string => join(directory, `${id}.task.xml`);
  return {
    name: 'Task Scheduler',
    fileOf,
    textOf: taskOf,
    start: (id) => [
      ['schtasks', '/Create', '/F', '/TN', nameOf(id), '/XML', fileOf(id)],
      ['schtasks', '/Run', '/TN', nameOf(id)],
    ],
    stop: (id) => [
      ['schtasks', '/End', '/TN', nameOf(id)],
      ['schtasks', '/Delete', '/F', '/TN', nameOf(id)],
    ],
    forget: () => [],
    show: (id) => ['schtasks', '/Query', '/TN', nameOf(id), '/FO', 'CSV', '/NH'],
    readState: (output) => {
      // "name","next run","state": the last one is in the language of Windows.
      const state = /"([^"]*)"\s*$/.exec(output.trim())?.[1] ?? 'unknown';
      return { isRunning: state === 'Running', state, pid: null, restarts: null };
    },
    logs: () => null,
    advice: () => 'It starts when you log in. Windows keeps no log of it.',
  };
}

/** Returns the path of a task among those of the Task Scheduler. */
function nameOf(id: string): string {
  return `Culvert\\${id}`;
}

function taskOf(definition: ServiceDefinition): string {
  const { command, workingDirectory, environment, environmentFile, id } = definition;
  if (environmentFile !== null) {
    throw new CliError(EXIT.usage, '--env-file does not work on Windows', {
      hint: 'Store the key with "culvert login --apikey -".',
    });
  }
  const [program, ...args] = command;
  // Tasks have no variables of their own.
  const url = environment['CULVERT_URL'];
  const caFile = environment['CULVERT_CA_FILE'];
  const given = [
    ...(url === undefined ? [] : ['--url', url]),
    ...(caFile === undefined ? [] : ['--ca-file', caFile]),
  ];
  return [
    '<?xml version="1.0"?>',
    `<!-- ${MARK} -->`,
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    '  <RegistrationInfo>',
    `    <Description>Culvert: ${xmlText(id)}</Description>`,
    '  </RegistrationInfo>',
    '  <Triggers>',
    '    <LogonTrigger><Enabled>true</Enabled></LogonTrigger>',
    '  </Triggers>',
    '  <Principals>',
    '    <Principal id="Author">',
    '      <LogonType>InteractiveToken</LogonType>',
    '      <RunLevel>LeastPrivilege</RunLevel>',
    '    </Principal>',
    '  </Principals>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
    '    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
    '    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>',
    `    <RestartOnFailure><Interval>PT1M</Interval><Count>${MAX_RESTARTS}</Count></RestartOnFailure>`,
    '  </Settings>',
    '  <Actions Context="Author">',
    '    <Exec>',
    `      <Command>${xmlText(program)}</Command>`,
    `      <Arguments>${xmlText([...args, ...given].map(windowsWord).join(' '))}</Arguments>`,
    `      <WorkingDirectory>${xmlText(workingDirectory)}</WorkingDirectory>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
    '',
  ].join('\n');
}

/** Quotes one argument as CommandLineToArgvW reads it: backslashes count only in front of a quote. */
export function windowsWord(word: string): string {
  if (word !== '' && !/[\s"]/.test(word)) return word;
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}
