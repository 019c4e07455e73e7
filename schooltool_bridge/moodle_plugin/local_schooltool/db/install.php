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
 * What is written when the plugin is installed: its settings only. Nothing is switched on before Connect is pressed.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

/**
 * Writes the settings' defaults, so that no page asks for each of them before Connect can be opened.
 *
 * @return bool
 */
function xmldb_local_schooltool_install() {
    foreach (\local_schooltool\local\defaults::VALUES as $name => $value) {
        set_config($name, $value, 'local_schooltool');
    }
    return true;
}
