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

/**
 * Telling everything, page by page: full_sync.
 *
 * A walk goes by growing id up to the highest at its beginning; what is made later is told by itself.
 * Nothing of it is kept here: where it stands goes to the caller and comes back.
 *
 * @package    local_schooltool
 * @copyright  2026 The mnet-peer authors
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class walk {
    /** @var int items of a page at most */
    const MOST = 1000;

    /** @var float seconds after which a page ends with what it has */
    const SECONDS = 10.0;

    /** @var int seconds before the first read from which on the caller counts what is newer as unread */
    const BEFORE = 300;

    /** @var string[] who reads, and which setting lets it be told */
    const ENTITIES = [
        'users' => [read\users::class, 'sendusers'],
        'sections' => [read\sections::class, 'sendsections'],
        'enrolments' => [read\enrolments::class, 'sendenrolments'],
        'assessments' => [read\assessments::class, 'sendgrades'],
        'grades' => [read\grades::class, 'sendgrades'],
    ];

    /**
     * What can be walked through now.
     *
     * @return string[]
     */
    public static function entities(): array {
        return array_keys(array_filter(self::ENTITIES, function ($one) {
            return scope::sends($one[1]);
        }));
    }

    /**
     * Answer a page.
     *
     * @param string $entity
     * @param string $text the cursor: empty for the beginning
     * @param int $limit items wanted
     * @return array items, next, count, taken_at, scope, complete
     * @throws refusal
     */
    public static function page(string $entity, string $text, int $limit): array {
        if (!isset(self::ENTITIES[$entity])) {
            throw new refusal(refusal::MALFORMED, 'fault_entity', implode(', ', array_keys(self::ENTITIES)));
        }
        [$reader, $setting] = self::ENTITIES[$entity];
        if (!scope::sends($setting)) {
            // An empty list would say that there is nobody.
            throw new refusal(refusal::OFF, 'fault_off', $entity);
        }
        if ($limit < 1 || $limit > self::MOST) {
            throw new refusal(refusal::MALFORMED, 'fault_limit', (string) self::MOST);
        }
        $cursor = $text === '' ? self::begin($entity, $reader) : cursor::read($text);
        if (!$cursor || $cursor->entity !== $entity) {
            throw new refusal(refusal::MALFORMED, 'fault_cursor', $entity);
        }
        read\by_id::$left = 0;
        [$items, $at] = $reader::page($cursor->at, $cursor->upper, $limit, microtime(true) + self::SECONDS);
        $cursor->sent += count($items);
        // One whose settings were changed on the way is neither the old list nor the new one.
        if (read\by_id::$left || $cursor->scope !== scope::name()) {
            $cursor->whole = 0;
        }
        $islast = $at === null;
        $cursor->at = (string) $at;
        return [
            'items' => $items,
            'next' => $islast ? '' : $cursor->text(),
            'count' => $islast ? $cursor->sent : max($cursor->guess, $cursor->sent),
            'taken_at' => $cursor->takenat,
            'scope' => $cursor->scope,
            'complete' => $islast ? $cursor->whole : 0,
        ];
    }

    /**
     * Begin a walk.
     *
     * @param string $entity
     * @param string $reader the name of a class
     * @return cursor
     */
    private static function begin(string $entity, string $reader): cursor {
        $cursor = new cursor();
        $cursor->entity = $entity;
        $cursor->takenat = time() - self::BEFORE;
        $cursor->scope = scope::name();
        $cursor->upper = $reader::upper();
        $cursor->guess = $reader::guess($cursor->upper);
        return $cursor;
    }
}
