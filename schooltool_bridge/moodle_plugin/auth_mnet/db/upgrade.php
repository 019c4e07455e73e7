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
 * What is done when an older version was here, such as the one that Moodle itself had until 4.5.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Bring what is here up to date.
 *
 * @param int $oldversion the version that was here
 * @return bool
 */
function xmldb_auth_mnet_upgrade($oldversion) {
    if ($oldversion < 2026113000) {
        // Moodle 5 has removed them, before plugins are upgraded.
        auth_mnet\local\tables::make();
        upgrade_plugin_savepoint(true, 2026113000, 'auth', 'mnet');
    }
    return true;
}
