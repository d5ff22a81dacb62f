import { Group, Paper, Text, Title } from '@mantine/core';
import { useId, type ReactElement, type ReactNode } from 'react';
import { IconCircleCheck, IconCircleDashed } from '../../icons.js';
import { texts } from './texts.js';
import classes from './start-page.module.css';

interface StepProps {
  readonly title: string;
  readonly isDone: boolean;
  /** Replaces the content once the step is done; shown beside content that stays useful. */
  readonly summary: ReactNode;
  readonly children?: ReactNode;
}

/** One step of the first day. It is marked as done automatically. */
export function Step({ title, isDone, summary, children }: StepProps): ReactElement {
  const id = useId();
  const StateIcon = isDone ? IconCircleCheck : IconCircleDashed;
  return (
    <Paper component="li" p="lg" aria-labelledby={id} className={classes['step']}>
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <StateIcon
          size={24}
          className={classes['tick']}
          data-done={isDone || undefined}
          role="img"
          aria-label={isDone ? texts.step.done : texts.step.toDo}
        />
        <div className={classes['content']}>
          <Title order={2} size="h4" id={id}>
            {title}
          </Title>
          <Text size="sm" c="dimmed" component="div" role="status">
            {summary}
          </Text>
          {children !== undefined && <div className={classes['body']}>{children}</div>}
        </div>
      </Group>
    </Paper>
  );
}
