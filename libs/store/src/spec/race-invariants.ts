/** States that two concurrent operations must not leave behind, as statements that find them. */

const USABLE = 'k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())';

/** Each finds violations in the teams `$1`. Parameters: the teams, and the scopes of a member and an admin. */
export const INVARIANTS: Readonly<Record<string, string>> = {
  'a key whose maker is not a member': `
    SELECT k.id FROM api_key k LEFT JOIN membership m ON m.team_id = k.team_id AND m.user_id = k.created_by_user_id
    WHERE k.team_id = ANY($1) AND k.created_by_user_id IS NOT NULL AND m.role IS NULL AND ${USABLE}`,
  'a key that permits more than the role of its maker': `
    SELECT k.id FROM api_key k JOIN membership m ON m.team_id = k.team_id AND m.user_id = k.created_by_user_id
    WHERE k.team_id = ANY($1) AND ${USABLE} AND m.role <> 'owner'
      AND NOT k.scopes <@ CASE m.role WHEN 'admin' THEN $3::text[] ELSE $2::text[] END`,
  'a key that outlives the key that made it': `
    SELECT k.id FROM api_key k JOIN api_key p ON p.id = k.created_by_api_key_id
    WHERE k.team_id = ANY($1) AND ${USABLE} AND (p.revoked_at IS NOT NULL
      OR COALESCE(k.expires_at, 'infinity') > COALESCE(p.expires_at, 'infinity'))`,
  'a replaced key without an end': `
    SELECT k.id FROM api_key k JOIN api_key n ON n.replaces_id = k.id
    WHERE k.team_id = ANY($1) AND k.revoked_at IS NULL AND k.expires_at IS NULL`,
  'a team without an owner': `
    SELECT id FROM team t WHERE id = ANY($1)
      AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.team_id = t.id AND m.role = 'owner')`,
  'a program whose person is not a member': `
    SELECT g.id FROM oauth_grant g LEFT JOIN membership m ON m.team_id = g.team_id AND m.user_id = g.user_id
    WHERE g.team_id = ANY($1) AND m.role IS NULL`,
  'a session by a password that was replaced': `
    SELECT s.id FROM user_session s JOIN "user" u ON u.id = s.user_id
    JOIN membership m ON m.user_id = u.id
    WHERE m.team_id = ANY($1) AND u.password_hash = 'new' AND s.user_agent = 'by the old password'`,
  'a preview that can be restored while it is there': `
    SELECT i.id FROM intercept i JOIN preview p ON p.hostname = i.removed_preview ->> 'hostname'
    WHERE i.team_id = ANY($1)`,
  'a remembered hostname that is free with a preview, or not free without one': `
    SELECT r.hostname FROM remembered_hostname r LEFT JOIN preview p ON p.hostname = r.hostname
    WHERE r.team_id = ANY($1) AND (r.free_at IS NULL) <> (p.id IS NOT NULL)`,
};

/** For pairs that end a person's membership: nothing of theirs still works. */
export const NOTHING_LEFT = `
  SELECT c.id FROM (
    SELECT id, team_id, created_by_user_id FROM share_link WHERE revoked_at IS NULL
    UNION ALL SELECT id, team_id, created_by_user_id FROM preview_token WHERE revoked_at IS NULL
    UNION ALL SELECT id, team_id, created_by_user_id FROM invitation) c
  LEFT JOIN membership m ON m.team_id = c.team_id AND m.user_id = c.created_by_user_id
  WHERE c.team_id = ANY($1) AND c.created_by_user_id IS NOT NULL AND m.role IS NULL`;

/** Finds teams with more than `max` rows of a table. */
export const atMost = (table: string, max: number): string =>
  `SELECT team_id FROM ${table} WHERE team_id = ANY($1) GROUP BY team_id HAVING count(*) > ${max}`;

/** Finds teams with more than `max` keys that work. */
export const atMostUsableKeys = (max: number): string =>
  `SELECT k.team_id FROM api_key k WHERE k.team_id = ANY($1) AND ${USABLE} GROUP BY k.team_id HAVING count(*) > ${max}`;
