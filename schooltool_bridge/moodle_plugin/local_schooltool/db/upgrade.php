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

/**
 * Steps from one version to the next.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Bring the tables of an earlier version to this one's.
 *
 * @param int $oldversion
 * @return bool
 */
function xmldb_local_schooltool_upgrade($oldversion) {
    global $DB;
    $manager = $DB->get_manager();
    if ($oldversion < 2026113003) {
        if (!$manager->table_exists('local_schooltool_attempt')) {
            $manager->install_one_table_from_xmldb_file(__DIR__ . '/install.xml', 'local_schooltool_attempt');
        }
        upgrade_plugin_savepoint(true, 2026113003, 'local', 'schooltool');
    }
    return true;
}
