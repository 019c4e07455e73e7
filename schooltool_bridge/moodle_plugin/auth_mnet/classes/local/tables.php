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

/**
 * Two tables of courses elsewhere, which Moodle's own pages still ask since Moodle has them no more.
 *
 * From 5.0 on the block of courses and the front page's list of one's own courses end in an error of the database
 * where this plugin or networking is on, unless the tables are there. So they are made, empty, where they are missing.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class tables {
    /** @var string a course elsewhere */
    const COURSES = 'mnetservice_enrol_courses';
    /** @var string somebody of this site in such a course */
    const ENROLMENTS = 'mnetservice_enrol_enrolments';

    /**
     * Whether both are there.
     *
     * @return bool
     */
    public static function exist() {
        global $DB;
        $manager = $DB->get_manager();
        return $manager->table_exists(self::COURSES) && $manager->table_exists(self::ENROLMENTS);
    }

    /**
     * Make those that are missing, and note that they are ours to remove.
     */
    public static function make() {
        global $CFG, $DB;
        require_once($CFG->libdir . '/ddllib.php');
        $manager = $DB->get_manager();
        foreach ([self::courses(), self::enrolments()] as $table) {
            if (!$manager->table_exists($table)) {
                $manager->create_table($table);
                set_config('made_' . $table->getName(), 1, 'auth_mnet');
            }
        }
    }

    /**
     * Remove those that were made here.
     */
    public static function remove() {
        global $CFG, $DB;
        require_once($CFG->libdir . '/ddllib.php');
        $manager = $DB->get_manager();
        foreach ([self::COURSES, self::ENROLMENTS] as $name) {
            if (get_config('auth_mnet', 'made_' . $name) && $manager->table_exists($name)) {
                $manager->drop_table(new \xmldb_table($name));
            }
        }
    }

    /**
     * Courses elsewhere.
     *
     * @return \xmldb_table
     */
    private static function courses() {
        $table = new \xmldb_table(self::COURSES);
        $table->add_field('id', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL, XMLDB_SEQUENCE);
        foreach (['hostid', 'remoteid', 'categoryid'] as $name) {
            $table->add_field($name, XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL);
        }
        $table->add_field('categoryname', XMLDB_TYPE_CHAR, '255', null, XMLDB_NOTNULL);
        $table->add_field('sortorder', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL, null, '0');
        $table->add_field('fullname', XMLDB_TYPE_CHAR, '254', null, XMLDB_NOTNULL);
        $table->add_field('shortname', XMLDB_TYPE_CHAR, '100', null, XMLDB_NOTNULL);
        $table->add_field('idnumber', XMLDB_TYPE_CHAR, '100', null, XMLDB_NOTNULL);
        $table->add_field('summary', XMLDB_TYPE_TEXT, null, null, XMLDB_NOTNULL);
        $table->add_field('summaryformat', XMLDB_TYPE_INTEGER, '3', null, null, null, '0');
        $table->add_field('startdate', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL);
        $table->add_field('roleid', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL);
        $table->add_field('rolename', XMLDB_TYPE_CHAR, '255', null, XMLDB_NOTNULL);
        $table->add_key('primary', XMLDB_KEY_PRIMARY, ['id']);
        $table->add_index('course', XMLDB_INDEX_UNIQUE, ['hostid', 'remoteid']);
        return $table;
    }

    /**
     * Who is in them.
     *
     * @return \xmldb_table
     */
    private static function enrolments() {
        $table = new \xmldb_table(self::ENROLMENTS);
        $table->add_field('id', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL, XMLDB_SEQUENCE);
        foreach (['hostid', 'userid', 'remotecourseid'] as $name) {
            $table->add_field($name, XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL);
        }
        $table->add_field('rolename', XMLDB_TYPE_CHAR, '255', null, XMLDB_NOTNULL);
        $table->add_field('enroltime', XMLDB_TYPE_INTEGER, '10', null, XMLDB_NOTNULL, null, '0');
        $table->add_field('enroltype', XMLDB_TYPE_CHAR, '20', null, XMLDB_NOTNULL);
        $table->add_key('primary', XMLDB_KEY_PRIMARY, ['id']);
        $table->add_index('person', XMLDB_INDEX_NOTUNIQUE, ['userid']);
        return $table;
    }
}
