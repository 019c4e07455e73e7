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

namespace auth_mnet\local;

use stdClass;

/**
 * In which courses people are, told to and by other sites. Only told: nobody gets into a course by it.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class courses {
    /**
     * The sites at which somebody has courses.
     *
     * @param stdClass $user of this site
     * @param \mnet_peer $peer the site that is told
     * @return array[] name, url, count
     */
    public static function sites_of(stdClass $user, \mnet_peer $peer) {
        global $CFG, $DB;
        $sites = [];
        $count = count(enrol_get_users_courses($user->id, false));
        if ($count > 0) {
            $sites[] = ['name' => get_site()->shortname, 'url' => $CFG->wwwroot, 'count' => $count];
        }
        $there = tables::exist()
            ? $DB->count_records(tables::ENROLMENTS, ['userid' => $user->id, 'hostid' => $peer->id]) : 0;
        if ($there > 0) {
            $url = $CFG->wwwroot . '/auth/mnet/jump.php?hostid=' . $peer->id;
            $sites[] = ['name' => $peer->name, 'url' => $url, 'count' => $there];
        }
        return $sites;
    }

    /**
     * Tell somebody's site in which courses of this one they are.
     *
     * @param stdClass $account of somebody from there
     * @param \mnet_peer $peer their site
     */
    public static function tell(stdClass $account, \mnet_peer $peer) {
        $told = array_map([self::class, 'told'], self::of($account));
        hosts::call($peer, 'update_enrolments', [$account->username, array_values($told)], hosts::SIGN_OFF_SECONDS);
    }

    /**
     * Take in what a site says about the courses of somebody who has been there.
     *
     * Without the tables of courses elsewhere, which Moodle has no more, there is nothing to keep and all is well.
     *
     * @param string $username of this site
     * @param array $told courses there
     * @param \mnet_peer $peer the site
     * @return bool whether somebody was meant who has been there
     * @throws \mnet_server_exception 3 when that name belongs to several people
     */
    public static function take_in($username, $told, \mnet_peer $peer) {
        global $DB;
        if (!is_scalar($username) || (string) $username === '' || !is_array($told)) {
            return false;
        }
        $theirs = ['username' => (string) $username, 'mnethostid' => $peer->id];
        $userids = array_unique($DB->get_fieldset_select(
            'mnet_session',
            'userid',
            'username = :username AND mnethostid = :mnethostid',
            $theirs
        ));
        if (count($userids) > 1) {
            throw new \mnet_server_exception(3, 'authfail_usermismatch');
        }
        if (!$userids) {
            return false;
        }
        if (tables::exist()) {
            self::keep((int) reset($userids), $peer->id, array_values($told));
        }
        return true;
    }

    /**
     * Somebody's courses that they can see, with their categories.
     *
     * @param stdClass $account
     * @return stdClass[]
     */
    private static function of(stdClass $account) {
        global $DB;
        $fields = 'id, category, sortorder, fullname, shortname, idnumber, summary, startdate, visible';
        $courses = array_filter(enrol_get_users_courses($account->id, false, $fields), function ($course) {
            return (bool) $course->visible;
        });
        $ids = array_unique(array_map(function ($course) {
            return $course->category;
        }, $courses));
        $categories = $DB->get_records_list('course_categories', 'id', $ids, '', 'id, name, description');
        foreach ($courses as $course) {
            $course->cat = isset($categories[$course->category]) ? $categories[$course->category] : null;
        }
        return $courses;
    }

    /**
     * A course as other sites know it.
     *
     * @param stdClass $course with its category as cat
     * @return array
     */
    private static function told(stdClass $course) {
        $roles = get_archetype_roles('student');
        $role = $roles ? reset($roles) : (object) ['id' => 0, 'name' => '', 'shortname' => ''];
        return [
            'id' => (string) $course->id,
            'sortorder' => (string) $course->sortorder,
            'fullname' => (string) $course->fullname,
            'shortname' => (string) $course->shortname,
            'idnumber' => (string) $course->idnumber,
            'summary' => (string) $course->summary,
            'startdate' => (string) $course->startdate,
            'cat_id' => (string) $course->category,
            'cat_name' => $course->cat === null ? '' : (string) $course->cat->name,
            'cat_description' => $course->cat === null ? '' : (string) $course->cat->description,
            'defaultroleid' => (string) $role->id,
            'defaultrolename' => (string) ($role->name === '' ? $role->shortname : $role->name),
        ];
    }

    /**
     * Write what was told, of courses that are known here.
     *
     * @param int $userid of this site
     * @param int $hostid the other site
     * @param array $told courses there
     */
    private static function keep($userid, $hostid, array $told) {
        global $DB;
        $rows = $DB->get_records(tables::COURSES, ['hostid' => $hostid]);
        $theirs = ['hostid' => $hostid, 'userid' => $userid];
        $enrolled = $DB->get_records_menu(tables::ENROLMENTS, $theirs, '', 'remotecourseid, id');
        $known = [];
        $ids = [];
        foreach ($rows as $row) {
            $ids[$row->remoteid] = $row->id;
            $known[$row->remoteid] = ['enrolled' => isset($enrolled[$row->remoteid])] + (array) $row;
        }
        $difference = course_rows::difference($told, $known);
        $widths = $DB->get_columns(tables::COURSES);
        foreach ($difference['update'] as $remoteid => $columns) {
            foreach ($columns as $name => $value) {
                if ($widths[$name]->meta_type === 'C') {
                    $columns[$name] = \core_text::substr($value, 0, $widths[$name]->max_length);
                } else if ($widths[$name]->meta_type === 'I') {
                    $columns[$name] = (int) $value;
                }
            }
            $DB->update_record(tables::COURSES, (object) ($columns + ['id' => $ids[$remoteid]]));
        }
        foreach ($difference['enrol'] as $remoteid => $role) {
            $rolename = \core_text::substr($role, 0, 255);
            $new = $theirs + ['remotecourseid' => $remoteid, 'rolename' => $rolename, 'enroltype' => 'mnet'];
            $DB->insert_record(tables::ENROLMENTS, (object) $new);
        }
        $gone = array_diff_key($enrolled, array_flip($difference['keep']));
        $DB->delete_records_list(tables::ENROLMENTS, 'id', array_values($gone));
    }
}
