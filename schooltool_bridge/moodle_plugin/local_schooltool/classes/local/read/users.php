<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_schooltool\local\read;

use local_schooltool\local\doubles;
use local_schooltool\local\ids;
use local_schooltool\local\scope;
use local_schooltool\local\shape;

/**
 * Users, as fetch_user takes them.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class users extends by_id {
    /** @var string the columns that are read, and no others */
    const COLUMNS = 'r.id, r.username, r.firstname, r.lastname, r.email, r.idnumber, r.password, r.timecreated, r.timemodified';

    /**
     * What is told of a user.
     *
     * @param int $userid
     * @return array|null the struct of fetch_user; null for whom nothing is told
     */
    public static function one(int $userid): ?array {
        return static::some([$userid])[$userid][0] ?? null;
    }

    /**
     * Find whom the other side means: by idnumber (or what stands for it), else by user name.
     *
     * @param string $idnumber
     * @param string $username
     * @return \stdClass|null a row of {user}; null for nobody of whom anything is told
     */
    public static function find(string $idnumber, string $username): ?\stdClass {
        if (preg_match('~^#(\d{1,18})$~D', $idnumber, $own)) {
            return self::first('r.id = :id', ['id' => $own[1]]);
        }
        $found = null;
        if ($idnumber !== '') {
            $found = self::first('r.idnumber = :idnumber', ['idnumber' => $idnumber]);
            $fallback = scope::setting('idnumberfallback');
            if (!$found && $fallback !== 'none') {
                $found = self::first("r.idnumber = '' AND r.$fallback = :name", ['name' => $idnumber]);
            }
        }
        if (!$found && $username !== '') {
            $found = self::first('r.username = :username', ['username' => $username]);
            // A user name is given again: whoever has another number is somebody else.
            if ($found && $idnumber !== '' && trim($found->idnumber) !== '') {
                return null;
            }
        }
        return $found;
    }

    /**
     * The id under which a user is told of elsewhere.
     *
     * @param \stdClass $user with id, idnumber, username, email
     * @return string
     */
    public static function id(\stdClass $user): string {
        return ids::user($user, scope::setting('idnumberfallback'), doubles::user($user->id));
    }

    /**
     * The table by whose ids it is read.
     *
     * @return string
     */
    protected static function table(): string {
        return 'user';
    }

    /**
     * Read rows that belong to what is sent.
     *
     * @param string $where
     * @param array $params
     * @param int $limit
     * @return \stdClass[]
     */
    protected static function rows(string $where, array $params, int $limit): array {
        global $DB;
        [$belongs, $more] = scope::user_sql('r');
        $sql = 'SELECT ' . self::COLUMNS . " FROM {user} r WHERE $where AND $belongs ORDER BY r.id";
        return $DB->get_records_sql($sql, $params + $more, 0, $limit);
    }

    /**
     * Make structs of rows.
     *
     * @param \stdClass[] $rows
     * @return array
     */
    protected static function structs(array $rows): array {
        global $CFG;
        // A hash that was made with this site's own pepper is of no use elsewhere.
        $withpassword = get_config('local_schooltool', 'sendpasswords') && empty($CFG->passwordpeppers);
        $fallback = scope::setting('idnumberfallback');
        return array_map(function ($user) use ($fallback, $withpassword) {
            // Told under what it has, also when another has the same: a person there decides.
            return [shape\user::struct($user, ids::user($user, $fallback), $withpassword)];
        }, $rows);
    }

    /**
     * The user of the lowest id.
     *
     * @param string $where
     * @param array $params
     * @return \stdClass|null
     */
    private static function first(string $where, array $params): ?\stdClass {
        $rows = static::rows($where, $params, 1);
        return $rows ? reset($rows) : null;
    }
}
