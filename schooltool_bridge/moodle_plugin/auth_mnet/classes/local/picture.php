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
 * People's pictures, which come along.
 *
 * @package    auth_mnet
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class picture {
    /** @var int no picture that comes is larger, in bytes */
    const MAX_BYTES = 2097152;

    /**
     * What another site is told of somebody's picture.
     *
     * @param stdClass $user of this site
     * @return array empty when they have none
     */
    public static function told(stdClass $user) {
        $file = empty($user->picture) ? null : self::file($user->id, 'f1');
        return $file === null ? [] : [
            '_mnet_userpicture_timemodified' => (int) $file->get_timemodified(),
            '_mnet_userpicture_mimetype' => $file->get_mimetype(),
        ];
    }

    /**
     * The picture itself, for a site at which somebody has been.
     *
     * @param string $username of this site
     * @param \mnet_peer $peer the site that asks
     * @return array|false f1 and f2 with f1_mimetype and f2_mimetype; empty: none, or not shared; false: nobody known
     */
    public static function given($username, \mnet_peer $peer) {
        global $CFG, $DB;
        $mine = ['username' => is_scalar($username) ? (string) $username : '', 'mnethostid' => $CFG->mnet_localhost_id];
        $userid = $DB->get_field('user', 'id', $mine + ['deleted' => 0]);
        if (!$userid || !$DB->record_exists('mnet_session', ['userid' => $userid, 'mnethostid' => $peer->id])) {
            return false;
        }
        $given = [];
        foreach (in_array('picture', mnet_fields_to_send($peer)) ? ['f1', 'f2'] : [] as $size) {
            $file = self::file($userid, $size);
            if ($file !== null) {
                $given[$size] = base64_encode($file->get_content());
                $given[$size . '_mimetype'] = $file->get_mimetype();
            }
        }
        return $given;
    }

    /**
     * Fetch somebody's picture when the one over there is newer. That it cannot be had keeps nobody out.
     *
     * @param stdClass $account of somebody from there
     * @param array $told what that site told of them
     * @param \mnet_peer $peer the site
     */
    public static function fetch(stdClass $account, array $told, \mnet_peer $peer) {
        global $CFG, $DB;
        $time = profile::picture_time($told);
        $have = self::file($account->id, 'f1');
        $wanted = empty($CFG->disableuserimages) && in_array('picture', mnet_fields_to_import($peer));
        if (!$wanted || $time === 0 || ($have !== null && $have->get_timemodified() >= $time)) {
            return;
        }
        $answer = hosts::call($peer, 'fetch_user_image', [$account->username], hosts::SIGN_ON_SECONDS);
        $image = $answer->ok && is_array($answer->response) && isset($answer->response['f1']) ? $answer->response['f1'] : '';
        $bytes = is_string($image) && strlen($image) < self::MAX_BYTES * 1.4 ? base64_decode($image, true) : false;
        if (!$bytes || @getimagesizefromstring($bytes) === false) {
            return;
        }
        require_once($CFG->libdir . '/gdlib.php');
        $path = make_request_directory() . '/picture';
        file_put_contents($path, $bytes);
        $revision = process_new_icon(\context_user::instance($account->id), 'user', 'icon', 0, $path);
        if ($revision) {
            $DB->set_field('user', 'picture', $revision, ['id' => $account->id]);
        }
    }

    /**
     * A picture as it is kept here.
     *
     * @param int $userid whose
     * @param string $size f1 about 100 pixels wide, f2 about 35
     * @return \stored_file|null
     */
    private static function file($userid, $size) {
        $contextid = \context_user::instance($userid)->id;
        foreach (['png', 'jpg'] as $ending) {
            $file = get_file_storage()->get_file($contextid, 'user', 'icon', 0, '/', $size . '.' . $ending);
            if ($file) {
                return $file;
            }
        }
        return null;
    }
}
