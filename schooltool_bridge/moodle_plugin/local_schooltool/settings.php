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
 * Site administration > Plugins > Local plugins > SchoolTool: Connect, the settings in three tabs, and the status.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */

defined('MOODLE_INTERNAL') || die();

use local_schooltool\local\defaults;

$ADMIN->add('localplugins', new admin_category('local_schooltool', new lang_string('pluginname', 'local_schooltool')));
$ADMIN->add('local_schooltool', new admin_externalpage(
    'local_schooltool_connect',
    new lang_string('connect', 'local_schooltool'),
    new moodle_url('/local/schooltool/connect.php'),
    'moodle/site:config'
));
$ADMIN->add('local_schooltool', new admin_externalpage(
    'local_schooltool_status',
    new lang_string('status', 'local_schooltool'),
    new moodle_url('/local/schooltool/status.php'),
    'local/schooltool:viewstatus'
));

$settings = null;
if ($hassiteconfig) {
    $tabs = new theme_boost_admin_settingspage_tabs('local_schooltool_settings', new lang_string('settings'));
    if ($ADMIN->fulltree) {
        $text = function (string $name): lang_string {
            return new lang_string($name, 'local_schooltool');
        };
        $checkbox = function (string $name) use ($text) {
            return new admin_setting_configcheckbox(
                'local_schooltool/' . $name,
                $text('set_' . $name),
                $text('set_' . $name . '_help'),
                defaults::VALUES[$name]
            );
        };
        $choice = function (string $name, array $choices) use ($text) {
            $options = [];
            foreach ($choices as $value) {
                $options[$value] = $text('set_' . $name . '_' . $value);
            }
            return new admin_setting_configselect(
                'local_schooltool/' . $name,
                $text('set_' . $name),
                $text('set_' . $name . '_help'),
                defaults::VALUES[$name],
                $options
            );
        };

        $tab = new admin_settingpage('local_schooltool_signon', $text('tab_signon'));
        $tab->add($checkbox('sendusers'));
        $auths = [];
        foreach (core_component::get_plugin_list('auth') as $name => $unused) {
            // Whoever comes from another site of the network belongs there.
            if ($name !== 'mnet' && $name !== 'nologin') {
                $auths[$name] = new lang_string('pluginname', 'auth_' . $name);
            }
        }
        $tab->add(new admin_setting_configmultiselect(
            'local_schooltool/userauths',
            $text('set_userauths'),
            $text('set_userauths_help'),
            [],
            $auths
        ));
        $tab->add($choice('idnumberfallback', ['none', 'username', 'email']));
        $tab->add($checkbox('sendpasswords'));
        $tabs->add($tab);

        $tab = new admin_settingpage('local_schooltool_enrolments', $text('tab_enrolments'));
        $tab->add($checkbox('sendenrolments'));
        $tab->add(new admin_setting_configmultiselect(
            'local_schooltool/categories',
            $text('set_categories'),
            $text('set_categories_help'),
            [],
            core_course_category::make_categories_list()
        ));
        $tab->add($choice('courseidnumberfallback', ['none', 'shortname']));
        $tabs->add($tab);

        $tab = new admin_settingpage('local_schooltool_grades', $text('tab_grades'));
        if (!empty($CFG->disablegradehistory)) {
            $tab->add(new admin_setting_heading('local_schooltool/nohistory', '', $text('status_nohistory')));
        }
        $tab->add($checkbox('sendgrades'));
        $tab->add($choice('scales', ['points', 'skip']));
        $tab->add($choice('minimum', ['shift', 'skip']));
        $tabs->add($tab);
    }
    $ADMIN->add('local_schooltool', $tabs);
}
