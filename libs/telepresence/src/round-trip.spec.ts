/** The round trip to a manager: measured by acknowledgements, and never twice at once. */
import { describe, expect, it } from 'vitest';
import { RoundTrip } from './round-trip.js';

/** Counts the SETTINGS that were sent. */
class Connection {
  isAcknowledged = false;
  measurements = 0;

  measure(): void {
    this.isAcknowledged = false;
    this.measurements++;
  }
}

function start(): { connection: Connection; roundTrip: RoundTrip; reports: number[] } {
  const connection = new Connection();
  const reports: number[] = [];
  const roundTrip: RoundTrip = new RoundTrip(connection, () => void reports.push(roundTrip.ms));
  roundTrip.start();
  return { connection, roundTrip, reports };
}

describe(RoundTrip.name, () => {
  it('is reported after the second measurement, since the first includes the start of the server', () => {
    const { connection, roundTrip, reports } = start();
    expect(roundTrip.ms).toBe(0);
    for (let acknowledged = 1; acknowledged <= 4; acknowledged++) {
      connection.isAcknowledged = true;
      roundTrip.handleAcknowledged();
      expect(roundTrip.ms).toBeGreaterThan(0);
      expect(connection.measurements).toBe(1);
      expect(reports).toHaveLength(acknowledged < 2 ? 0 : 1);
    }
  });

  it('is not measured while a measurement is under way', () => {
    const { connection, roundTrip } = start();
    roundTrip.measure();
    expect(connection.measurements).toBe(0);
    connection.isAcknowledged = true;
    roundTrip.measure();
    roundTrip.measure();
    expect(connection.measurements).toBe(1);
  });
});
