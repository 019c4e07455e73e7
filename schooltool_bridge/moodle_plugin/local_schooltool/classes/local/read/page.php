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

use local_schooltool\local\notes;

/**
 * What some notes are about, read together: a query for many of a kind costs hardly more than for one.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class page {
    /** @var array[] by kind, by "objectid/relatedid": both */
    private $wanted = [];
    /** @var array[] by kind, what was read; null where it cannot be read together */
    private $read = [];

    /**
     * A page that has read nothing yet.
     *
     * @param \stdClass[] $groups of notes::groups
     */
    public function __construct(array $groups) {
        foreach ($groups as $group) {
            $this->want($group->kind, $group->objectid, $group->relatedid);
            if ($group->kind === notes::ENROLMENT && self::has_ended($group)) {
                $this->want(notes::USER, $group->objectid, 0);
                $this->want(notes::SECTION, $group->relatedid, 0);
            }
        }
    }

    /**
     * Tell whether a note says that somebody lost a role, so that the ids of both are asked for.
     *
     * @param \stdClass $group
     * @return bool
     */
    public static function has_ended(\stdClass $group): bool {
        foreach ($group->rows as $row) {
            if (!empty(notes::snapshot($row)['ended']['role'])) {
                return true;
            }
        }
        return false;
    }

    /**
     * What is told of something.
     *
     * @param string $kind USER, SECTION, ASSESSMENT, ENROLMENT or GRADE of notes
     * @param int $objectid
     * @param int $relatedid
     * @return array[] structs; none for what nothing is told of
     */
    public function structs(string $kind, int $objectid, int $relatedid = 0): array {
        $key = "$objectid/$relatedid";
        if (!array_key_exists($kind, $this->read)) {
            $this->read[$kind] = $this->several($kind);
        }
        if ($this->read[$kind] === null || !isset($this->wanted[$kind][$key])) {
            return $this->together($kind, [[$objectid, $relatedid]])[$key] ?? [];
        }
        return $this->read[$kind][$key] ?? [];
    }

    /**
     * Read things of a kind.
     *
     * @param string $kind
     * @param array[] $keys each objectid, relatedid
     * @return array by "objectid/relatedid": a list of structs
     */
    protected function together(string $kind, array $keys): array {
        switch ($kind) {
            case notes::ENROLMENT:
                return enrolments::some($keys);
            case notes::GRADE:
                return grades::some($keys);
            case notes::USER:
                $found = users::some(array_column($keys, 0));
                break;
            case notes::SECTION:
                $found = sections::some(array_column($keys, 0));
                break;
            default:
                $found = assessments::some(array_column($keys, 0));
        }
        $structs = [];
        foreach ($found as $id => $theirs) {
            $structs["$id/0"] = $theirs;
        }
        return $structs;
    }

    /**
     * Read all of a kind.
     *
     * @param string $kind
     * @return array|null null when one of them cannot be read: then each is read alone, and only that one fails
     */
    private function several(string $kind): ?array {
        try {
            $keys = array_values($this->wanted[$kind] ?? []);
            return $keys ? $this->together($kind, $keys) : [];
        } catch (\dml_exception $problem) {
            throw $problem;
        } catch (\Throwable $problem) {
            return null;
        }
    }

    /**
     * Something will be asked for.
     *
     * @param string $kind
     * @param int $objectid
     * @param int $relatedid
     */
    private function want(string $kind, int $objectid, int $relatedid): void {
        $this->wanted[$kind]["$objectid/$relatedid"] = [$objectid, $relatedid];
    }
}
