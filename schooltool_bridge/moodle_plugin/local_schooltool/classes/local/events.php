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

use local_schooltool\local\read\page;

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
     * @param page|null $page what it is read with; null for alone
     * @return array[] each a name, data (without seq and to) and seq
     */
    public static function of(\stdClass $group, ?page $page = null): array {
        $kept = notes::snapshot($group->rows[0]);
        if (isset($kept['events'])) {
            $events = array_map(function ($event) use ($group) {
                return [$event[0], $event[1], $group->seq];
            }, $kept['events']);
        } else {
            $events = self::now($group, $page ?? new page([$group]));
        }
        return array_values(array_filter($events, function ($event) {
            return scope::sends(self::SETTING[$event[0]]);
        }));
    }

    /**
     * What holds now.
     *
     * @param \stdClass $group
     * @param page $page
     * @return array[]
     */
    private static function now(\stdClass $group, page $page): array {
        switch ($group->kind) {
            case notes::USER:
                return self::one('fetch_user', $page, $group);
            case notes::SECTION:
                return self::one('new_section', $page, $group);
            case notes::ASSESSMENT:
                return self::one('new_assessment', $page, $group);
            case notes::GRADE:
                $structs = $page->structs(notes::GRADE, $group->objectid, $group->relatedid);
                return array_map(function ($struct) use ($group) {
                    return ['new_grade', $struct, $group->seq];
                }, rules::dated($structs, $group->noted));
            case notes::ENROLMENT:
                return self::enrolment($group, $page);
            default:
                return [];
        }
    }

    /**
     * The event of a thing that has one.
     *
     * @param string $name
     * @param page $page
     * @param \stdClass $group
     * @return array[]
     */
    private static function one(string $name, page $page, \stdClass $group): array {
        $struct = $page->structs($group->kind, $group->objectid)[0] ?? null;
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
     * @param page $page
     * @return array[]
     */
    private static function enrolment(\stdClass $group, page $page): array {
        $now = $page->structs(notes::ENROLMENT, $group->objectid, $group->relatedid);
        $userid = $sectionid = '';
        if (page::has_ended($group)) {
            // Whoever or whatever is gone: the other side knows Moodle's own ids, too.
            $userid = $page->structs(notes::USER, $group->objectid)[0]['idnumber'] ?? '#' . $group->objectid;
            $sectionid = $page->structs(notes::SECTION, $group->relatedid)[0]['idnumber'] ?? '#' . $group->relatedid;
        }
        $own = ['sectionmoodleid' => (string) $group->relatedid, 'usermoodleid' => (string) $group->objectid];
        return rules::enrolment($now, $group->rows, $userid, $sectionid, $own);
    }
}
