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

namespace local_schooltool\local;

use local_schooltool\local\read\assessments;
use local_schooltool\local\read\enrolments;
use local_schooltool\local\read\grades;
use local_schooltool\local\read\sections;
use local_schooltool\local\read\users;

/**
 * From notes to the events that are sent: read now, when they are sent.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class events {
    /** @var string[] the setting that lets an event out */
    const SETTING = [
        'fetch_user' => 'sendusers',
        'new_section' => 'sendsections',
        'new_enrolment' => 'sendenrolments',
        'end_enrolment' => 'sendenrolments',
        'delete_section' => 'sendsections',
        'new_assessment' => 'sendgrades',
        'delete_assessment' => 'sendgrades',
        'new_grade' => 'sendgrades',
        'delete_grade' => 'sendgrades',
    ];

    /**
     * The events of a group of notes.
     *
     * @param \stdClass $group of notes::groups, no whole
     * @return array[] each a name, data (without seq and to) and seq
     */
    public static function of(\stdClass $group): array {
        $kept = notes::snapshot($group->rows[0]);
        if (isset($kept['events'])) {
            $events = array_map(function ($event) use ($group) {
                return [$event[0], $event[1], $group->seq];
            }, $kept['events']);
        } else {
            $events = self::now($group);
        }
        return array_values(array_filter($events, function ($event) {
            return scope::sends(self::SETTING[$event[0]]);
        }));
    }

    /**
     * What holds now.
     *
     * @param \stdClass $group
     * @return array[]
     */
    private static function now(\stdClass $group): array {
        switch ($group->kind) {
            case notes::USER:
                return self::one('fetch_user', users::one($group->objectid), $group);
            case notes::SECTION:
                return self::one('new_section', sections::one($group->objectid), $group);
            case notes::ASSESSMENT:
                return self::one('new_assessment', assessments::one($group->objectid), $group);
            case notes::GRADE:
                $structs = rules::dated(grades::one($group->relatedid, $group->objectid), $group->noted);
                return array_map(function ($struct) use ($group) {
                    return ['new_grade', $struct, $group->seq];
                }, $structs);
            case notes::ENROLMENT:
                return self::enrolment($group);
            default:
                return [];
        }
    }

    /**
     * The event of a thing that has one.
     *
     * @param string $name
     * @param array|null $struct
     * @param \stdClass $group
     * @return array[]
     */
    private static function one(string $name, ?array $struct, \stdClass $group): array {
        if ($struct === null) {
            return [];
        }
        // Not all changes leave their time in the row.
        $struct['timemodified'] = max((int) ($struct['timemodified'] ?? 0), $group->noted);
        return [[$name, $struct, $group->seq]];
    }

    /**
     * What somebody is in a course, or was.
     *
     * @param \stdClass $group
     * @return array[]
     */
    private static function enrolment(\stdClass $group): array {
        $now = enrolments::one($group->objectid, $group->relatedid);
        $userid = $sectionid = '';
        foreach ($group->rows as $row) {
            if (!empty(notes::snapshot($row)['ended']['role']) && $userid === '') {
                // Whoever or whatever is gone: the other side knows Moodle's own ids, too.
                $userid = users::one($group->objectid)['idnumber'] ?? '#' . $group->objectid;
                $sectionid = sections::one($group->relatedid)['idnumber'] ?? '#' . $group->relatedid;
            }
        }
        $own = ['sectionmoodleid' => (string) $group->relatedid, 'usermoodleid' => (string) $group->objectid];
        return rules::enrolment($now, $group->rows, $userid, $sectionid, $own);
    }
}
