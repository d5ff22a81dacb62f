import { Anchor, Box, Button, Group, NativeSelect, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useState, type ReactElement } from 'react';
import type { Exchange } from '../api/exchange-stream.js';
import { Inspector } from '../pages/inspector/inspector.js';
import { fetchEndpoints, HAR_PATH, type LocalExchange, localSource } from './local-source.js';
import { texts } from './texts.js';
import classes from './local-inspector.module.css';

const REFETCH_MS = 5000;

/** The requests of the endpoints that `culvert` exposes on this machine. */
export function LocalInspector(): ReactElement {
  const { data: endpoints = [] } = useQuery({
    queryKey: ['endpoints'],
    queryFn: fetchEndpoints,
    refetchInterval: REFETCH_MS,
  });
  const [chosen, setChosen] = useState('');
  const isIncluded = useCallback(
    (exchange: Exchange) => chosen === '' || (exchange as LocalExchange).endpoint === chosen,
    [chosen],
  );
  const urlOf = (exchange?: Exchange): string | null => {
    const name = exchange === undefined ? chosen : (exchange as LocalExchange).endpoint;
    const found = endpoints.find((each) => each.name === name) ?? endpoints[0];
    return found?.url ?? null;
  };
  const shown = endpoints.filter(({ name }) => chosen === '' || name === chosen);
  return (
    <Box component="main" className={classes['page']}>
      <Group justify="space-between" mb="md">
        <div>
          <Title order={1} size="h2">
            {texts.title}
          </Title>
          {shown.map(({ name, url }) =>
            url === null ? null : (
              <Text key={name} size="sm" c="dimmed">
                {name === '' ? '' : `${name}: `}
                <Anchor href={url} target="_blank" rel="noreferrer" inherit>
                  {url}
                </Anchor>
              </Text>
            ),
          )}
        </div>
        <Button component="a" href={HAR_PATH} download variant="default">
          {texts.downloadHar}
        </Button>
      </Group>
      <Inspector source={localSource} urlOf={urlOf} reasonAgainst={undefined} isIncluded={isIncluded}>
        {endpoints.length > 1 && (
          <NativeSelect
            aria-label={texts.endpoint}
            value={chosen}
            onChange={(event) => setChosen(event.currentTarget.value)}
            data={[
              { value: '', label: texts.allEndpoints },
              ...endpoints.map(({ name }) => ({ value: name, label: name })),
            ]}
          />
        )}
      </Inspector>
    </Box>
  );
}
